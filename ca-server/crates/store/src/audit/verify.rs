//! Verifying the chain from the rows alone, also beside a server that goes on sealing.

use ca_issuance::audit::chain::{Checkpoint, Seal, Tampering, Walk};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbBackend, EntityTrait, IsolationLevel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, TransactionTrait,
};

use super::{checkpoint, sealed};
use crate::entity::audit_checkpoint;
use crate::entity::audit_event::{Column, Entity};
use crate::{Error, Store};

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// How many events the chain holds, or the first thing that is wrong with it.
    pub chain: Result<u64, Tampering>,
    /// How many events wait to be sealed.
    pub unsealed: u64,
}

/// The chain's outline at one moment: what is sealed later is not looked at.
struct Outline {
    checkpoints: Vec<Checkpoint>,
    last: i64,
    unsealed: u64,
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
        let mut outline = self.outline().await?;
        if let Some(kept) = kept
            && !outline.checkpoints.contains(&kept)
        {
            outline.checkpoints.push(kept);
            outline.checkpoints.sort_by_key(|one| one.position);
        }
        let walk = Walk::new(seal, outline.checkpoints);
        Ok(Verification {
            chain: self.walk(walk, outline.last).await?,
            unsealed: outline.unsealed,
        })
    }

    /// Reads the outline in one snapshot: a sealer moves its parts together.
    async fn outline(&self) -> Result<Outline, Error> {
        // SQLite's transactions read from one snapshot anyway.
        let shared = self.reads().get_database_backend() == DbBackend::Postgres;
        let isolation = shared.then_some(IsolationLevel::RepeatableRead);
        let snapshot = self.reads().begin_with_config(isolation, None).await?;
        let last: Option<Option<i64>> = Entity::find()
            .select_only()
            .column_as(Expr::col(Column::Position).max(), "last")
            .into_tuple()
            .one(&snapshot)
            .await?;
        let unsealed = Entity::find()
            .filter(Expr::cust("position IS NULL"))
            .count(&snapshot)
            .await?;
        let checkpoints = checkpoints(&snapshot).await?;
        snapshot.rollback().await?;
        Ok(Outline {
            checkpoints,
            last: last.flatten().unwrap_or(0),
            unsealed,
        })
    }

    async fn walk(&self, mut walk: Walk<'_>, last: i64) -> Result<Result<u64, Tampering>, Error> {
        let mut after = i64::MIN;
        loop {
            let rows = Entity::find()
                .filter(Expr::cust("position IS NOT NULL"))
                .filter(Column::Position.gt(after))
                .filter(Column::Position.lte(last))
                .order_by_asc(Column::Position)
                .limit(PAGE)
                .all(self.reads())
                .await?;
            let last_page = (rows.len() as u64) < PAGE;
            for row in rows {
                after = row.position.unwrap_or(i64::MAX);
                // A position below 1 was never given: it reads as 0 and fits nowhere.
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
}

async fn checkpoints(snapshot: &DatabaseTransaction) -> Result<Vec<Checkpoint>, Error> {
    let rows = audit_checkpoint::Entity::find()
        .order_by_asc(audit_checkpoint::Column::Position)
        .all(snapshot)
        .await?;
    rows.into_iter().map(checkpoint).collect()
}

const PAGE: u64 = 1_000;
