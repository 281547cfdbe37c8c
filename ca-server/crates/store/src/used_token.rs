//! Tokens of providers that were used and are for single use.

use aws_lc_rs::digest::{SHA256, digest};
use ca_pki::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use sea_orm::sea_query::OnConflict;

use crate::Error;
use crate::change::Change;
use crate::entity::used_token::{ActiveModel, Column, Entity};
use crate::transaction::Transaction;

/// Notes that a token was used; the outcome is whether this was the first time.
pub(crate) struct Use {
    pub(crate) provider: String,
    pub(crate) token_id: String,
    pub(crate) expires_at: Timestamp,
}

impl Change for Use {
    type Outcome = bool;

    async fn apply(&self, transaction: &Transaction) -> Result<bool, Error> {
        let hash = digest(&SHA256, self.token_id.as_bytes());
        let row = ActiveModel {
            provider: Set(self.provider.clone()),
            token: Set(hash.as_ref().to_vec()),
            expires_at: Set(self.expires_at.unix_secs()),
        };
        let once = OnConflict::columns([Column::Provider, Column::Token])
            .do_nothing()
            .to_owned();
        let inserted = Entity::insert_many([row])
            .on_conflict(once)
            .exec_without_returning(transaction)
            .await?;
        Ok(inserted == 1)
    }
}
