//! An authorization with its challenges.

use sea_orm::entity::prelude::*;
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "authorization")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) directory: String,
    pub(crate) identifier_type: String,
    pub(crate) identifier_value: String,
    pub(crate) wildcard: bool,
    pub(crate) status: String,
    pub(crate) expires_at: i64,
    pub(crate) challenges: String,
    pub(crate) validating: bool,
    pub(crate) standalone: bool,
    pub(crate) caa_checked_at: Option<i64>,
    pub(crate) granted_by: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
