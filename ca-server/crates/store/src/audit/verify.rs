//! Verifying the chain from the rows alone.

use ca_issuance::audit::chain::{Checkpoint, Seal, Tampering, Walk};
use ca_pki::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use super::sealed;
use crate::entity::audit_checkpoint;
use crate::entity::audit_event::{Column, Entity};
use crate::row::{counter, octets};
use crate::{Error, Store};

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// How many events the chain holds, or the first thing that is wrong with it.
    pub chain: Result<u64, Tampering>,
    /// How many events wait to be sealed.
    pub unsealed: u64,
}

impl Store {
    /// Walks the whole chain and names the first event that was changed, inserted or removed, a
    /// cut tail included.
    ///
    /// `kept` is a checkpoint that was kept outside of the database: only it shows that the tail
    /// was cut together with the checkpoints stored beside it.
    pub async fn verify_audit(
        &self,
        seal: &dyn Seal,
        kept: Option<Checkpoint>,
    ) -> Result<Verification, Error> {
        let unsealed = Entity::find()
            .filter(Expr::cust("position IS NULL"))
            .count(self.reads())
            .await?;
        let mut checkpoints = self.checkpoints().await?;
        if let Some(kept) = kept
            && !checkpoints.contains(&kept)
        {
            checkpoints.push(kept);
            checkpoints.sort_by_key(|one| one.position);
        }
        let walk = Walk::new(seal, checkpoints);
        Ok(Verification {
            chain: self.walk(walk).await?,
            unsealed,
        })
    }

    async fn walk(&self, mut walk: Walk<'_>) -> Result<Result<u64, Tampering>, Error> {
        let mut after = i64::MIN;
        loop {
            let rows = Entity::find()
                .filter(Expr::cust("position IS NOT NULL"))
                .filter(Column::Position.gt(after))
                .order_by_asc(Column::Position)
                .limit(PAGE)
                .all(self.reads())
                .await?;
            let last_page = (rows.len() as u64) < PAGE;
            for row in rows {
                after = row.position.unwrap_or(i64::MAX);
                let position = u64::try_from(after).unwrap_or(0);
                let stored = row.hash.clone().unwrap_or_default();
                if let Err(tampering) = walk.step(&sealed(row, position)?, &stored) {
                    return Ok(Err(tampering));
                }
            }
            if last_page {
                return Ok(walk.finish());
            }
        }
    }

    async fn checkpoints(&self) -> Result<Vec<Checkpoint>, Error> {
        let rows = audit_checkpoint::Entity::find()
            .order_by_asc(audit_checkpoint::Column::Position)
            .all(self.reads())
            .await?;
        let checkpoints = rows.into_iter().map(|row| {
            Ok(Checkpoint {
                position: counter("audit_checkpoint.position", row.position)?,
                link: octets("audit_checkpoint.hash", &row.hash)?,
                at: Timestamp::from_unix_secs(row.at),
                signature: row.signature,
            })
        });
        checkpoints.collect()
    }
}

const PAGE: u64 = 1_000;
