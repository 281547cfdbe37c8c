//! An external account key.

use sea_orm::entity::prelude::*;

#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "external_account_key")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) kid: String,
    pub(crate) mac_key: Vec<u8>,
    pub(crate) directory: Option<String>,
    pub(crate) comment: String,
    pub(crate) single_use: bool,
    pub(crate) expires_at: Option<i64>,
    pub(crate) revoked_at: Option<i64>,
    pub(crate) used_at: Option<i64>,
    pub(crate) principal: Option<String>,
    /// The principal's name, to find its keys by.
    pub(crate) owner: Option<String>,
    pub(crate) created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Model([redacted])")
    }
}
