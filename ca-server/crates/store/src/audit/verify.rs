//! Verifying the chain from the rows alone, also beside a server that goes on sealing.

use std::time::Duration;

use ca_issuance::audit::chain::{Checkpoint, Seal, Tampering, Walk};
use ca_pki::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, IsolationLevel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select, TransactionOptions,
};

use super::{checkpoint, sealed};
use crate::entity::audit_checkpoint;
use crate::entity::audit_event::{Column, Entity, Model};
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
    /// An event that waits although a checkpoint was signed long after it happened.
    late: Option<u64>,
}

impl Store {
    /// Walks the whole chain and names the first event that was changed, inserted or removed, a
    /// cut tail included.
    ///
    /// `kept` are checkpoints that were kept outside of the database: only they show that the tail
    /// was cut together with the checkpoints stored beside it.
    pub async fn verify_audit(
        &self,
        seal: &dyn Seal,
        kept: Vec<Checkpoint>,
    ) -> Result<Verification, Error> {
        let mut outline = self.outline().await?;
        outline.checkpoints.extend(kept);
        outline.checkpoints.sort_by_key(|one| one.position);
        outline.checkpoints.dedup();
        let walk = Walk::new(seal, outline.checkpoints);
        let chain = self.walk(walk, outline.last).await?;
        let late = outline.late.map(|sequence| Tampering::Late { sequence });
        Ok(Verification {
            chain: chain.and_then(|events| late.map_or(Ok(events), Err)),
            unsealed: outline.unsealed,
        })
    }

    /// Reads the outline in one snapshot: a sealer moves its parts together.
    async fn outline(&self) -> Result<Outline, Error> {
        // SQLite's transactions read from one snapshot anyway.
        let isolation = self.is_shared().then_some(IsolationLevel::RepeatableRead);
        let options = TransactionOptions {
            isolation_level: isolation,
            ..TransactionOptions::default()
        };
        let snapshot = self.reads().begin_with_options(options).await?;
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
        let late = match sealed_before(&checkpoints, self.now()) {
            Some(moment) => first_unsealed_before(&snapshot, moment).await?,
            None => None,
        };
        snapshot.rollback().await?;
        Ok(Outline {
            checkpoints,
            last: last.flatten().unwrap_or(0),
            unsealed,
            late,
        })
    }

    async fn walk(&self, mut walk: Walk<'_>, last: i64) -> Result<Result<u64, Tampering>, Error> {
        let (mut after, mut limit) = (i64::MIN, PAGE);
        loop {
            let rows = match self.sealed_between(after, last, limit).await {
                // A row of this page does not read back: one by one tells which.
                Err(Error::Corrupt(_)) if limit > 1 => {
                    limit = 1;
                    continue;
                }
                Err(Error::Corrupt(_)) => return self.unreadable(after, last).await.map(Err),
                rows => rows?,
            };
            if rows.is_empty() {
                return Ok(walk.finish());
            }
            for row in rows {
                after = row.position.unwrap_or(i64::MAX);
                // A position below 1 was never given: it reads as 0 and fits nowhere.
                let position = u64::try_from(after).unwrap_or(0);
                let stored = row.hash.clone().unwrap_or_default();
                if let Err(tampering) = walk.step(&sealed(row, position), &stored) {
                    return Ok(Err(tampering));
                }
            }
        }
    }

    async fn sealed_between(&self, after: i64, last: i64, limit: u64) -> Result<Vec<Model>, Error> {
        let rows = between(after, last).limit(limit).all(self.reads()).await?;
        Ok(rows)
    }

    /// Names the next event, whose texts are none any more.
    async fn unreadable(&self, after: i64, last: i64) -> Result<Tampering, Error> {
        let place: Option<(i64, i64)> = between(after, last)
            .select_only()
            .columns([Column::Position, Column::Sequence])
            .limit(1)
            .into_tuple()
            .one(self.reads())
            .await?;
        let (position, sequence) = place.unwrap_or_default();
        Ok(Tampering::Changed {
            position: position.cast_unsigned(),
            sequence: sequence.cast_unsigned(),
        })
    }
}

fn between(after: i64, last: i64) -> Select<Entity> {
    Entity::find()
        .filter(Expr::cust("position IS NOT NULL"))
        .filter(Column::Position.gt(after))
        .filter(Column::Position.lte(last))
        .order_by_asc(Column::Position)
}

/// Tells since when no event can wait: what happened before was sealed, or slipped in later.
///
/// A checkpoint of the future was signed by a clock that was ahead, and says nothing about what
/// happened since by the right one: taken at its word it would make every event that waits look
/// slipped in. Hence the newest one counts that is not of the future. That is weaker for a while:
/// until the next sealing by the right clock, an event that is slipped in with a time since the clock
/// went wrong passes for one that waits. The next sealing takes such an event into the chain, as
/// it does with any event that somebody writes with the time of now, and replaces the checkpoint.
fn sealed_before(checkpoints: &[Checkpoint], now: Timestamp) -> Option<Timestamp> {
    let mut newest_first = checkpoints.iter().rev();
    let newest = newest_first.find(|one| one.at <= now.plus(LATE))?;
    // One of this moment's future was signed by now at the latest.
    Some(newest.at.min(now).minus(LATE))
}

/// Finds an unsealed event that happened before a moment.
async fn first_unsealed_before(
    snapshot: &DatabaseTransaction,
    moment: Timestamp,
) -> Result<Option<u64>, Error> {
    let sequence: Option<i64> = Entity::find()
        .select_only()
        .column(Column::Sequence)
        .filter(Expr::cust("position IS NULL"))
        .filter(Column::At.lt(moment.unix_secs()))
        .order_by_asc(Column::Sequence)
        .limit(1)
        .into_tuple()
        .one(snapshot)
        .await?;
    Ok(sequence.map(i64::cast_unsigned))
}

async fn checkpoints(snapshot: &DatabaseTransaction) -> Result<Vec<Checkpoint>, Error> {
    let rows = audit_checkpoint::Entity::find()
        .order_by_asc(audit_checkpoint::Column::Position)
        .all(snapshot)
        .await?;
    Ok(rows.into_iter().map(checkpoint).collect())
}

/// Longer than any transaction takes, and than the clocks of servers are apart.
const LATE: Duration = Duration::from_secs(300);
const PAGE: u64 = 1_000;
