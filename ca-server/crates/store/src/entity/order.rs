//! An ACME order.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "acme_order")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) directory: String,
    pub(crate) status: String,
    pub(crate) expires_at: i64,
    pub(crate) identifiers: String,
    pub(crate) authorizations: String,
    pub(crate) profile: String,
    pub(crate) not_before: Option<i64>,
    pub(crate) not_after: Option<i64>,
    pub(crate) replaces: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) serial: Option<Vec<u8>>,
    pub(crate) created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
