//! A certificate from its intent on.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "certificate")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) issuer: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) serial: Vec<u8>,
    pub(crate) profile: String,
    pub(crate) identifiers: String,
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
    pub(crate) key_fingerprint: Vec<u8>,
    pub(crate) requested_by: String,
    pub(crate) order_id: Option<String>,
    pub(crate) state: String,
    pub(crate) revoked_at: Option<i64>,
    pub(crate) revocation_reason: Option<i16>,
    pub(crate) tbs_der: Option<Vec<u8>>,
    pub(crate) der: Option<Vec<u8>>,
    pub(crate) recorded_at: i64,
    pub(crate) settle_after: i64,
    pub(crate) requester: Option<String>,
    pub(crate) grant_name: Option<String>,
    pub(crate) grant_counted: bool,
    pub(crate) provenance: Option<String>,
    pub(crate) revocation_number: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
