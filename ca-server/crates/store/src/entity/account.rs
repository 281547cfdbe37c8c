//! An ACME account.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) directory: String,
    pub(crate) status: String,
    pub(crate) jwk: String,
    pub(crate) thumbprint: String,
    pub(crate) contacts: String,
    pub(crate) terms_agreed: bool,
    pub(crate) external_account: Option<String>,
    pub(crate) external_binding: Option<String>,
    pub(crate) principal: Option<String>,
    pub(crate) created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
