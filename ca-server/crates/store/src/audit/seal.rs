//! Sealing: gives committed events their places in the chain.
//!
//! Events are taken by what is not sealed yet, not by their sequence: on PostgreSQL a lower
//! sequence may be committed after a higher one, and must not be skipped. A crash between two
//! batches leaves whole batches, each with its checkpoint; the next sealing goes on from there.

use std::sync::Arc;

use ca_issuance::audit::chain::{self, Checkpoint, GENESIS, Link, Seal};
use ca_pki::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::sealed;
use crate::change::Change;
use crate::entity::audit_checkpoint;
use crate::entity::audit_event::{ActiveModel, Column, Entity};
use crate::row::{counter, octets, signed};
use crate::{Error, Store, lease};

/// What a sealing did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// How many events were sealed.
    pub events: u64,
    /// The newest checkpoint, if anything was sealed: worth keeping outside of the database.
    pub checkpoint: Option<Checkpoint>,
}

/// Seals the oldest unsealed events.
struct SealSome {
    fencing: u64,
    at: Timestamp,
    seal: Arc<dyn Seal>,
}

impl Store {
    /// The work that a sealer claims before it calls [`Store::seal`].
    pub const SEALING: &'static str = "audit.seal";

    /// Seals every event that is not sealed yet, under the lease on [`Store::SEALING`] with this
    /// fencing number. `Conflict` if the lease has passed to somebody else.
    pub async fn seal(&self, fencing: u64, seal: Arc<dyn Seal>) -> Result<Sealed, Error> {
        let mut done = Sealed {
            events: 0,
            checkpoint: None,
        };
        loop {
            let (at, seal) = (self.now(), Arc::clone(&seal));
            let some = self.write(SealSome { fencing, at, seal }).await?;
            done.events += some.events;
            if some.checkpoint.is_some() {
                done.checkpoint = some.checkpoint;
            }
            if some.events < BATCH {
                return Ok(done);
            }
        }
    }
}

impl Change for SealSome {
    type Outcome = Sealed;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Sealed, Error> {
        lease::require(transaction, Store::SEALING, self.fencing).await?;
        let rows = Entity::find()
            .filter(Expr::cust("position IS NULL"))
            .order_by_asc(Column::Sequence)
            .limit(BATCH)
            .all(transaction)
            .await?;
        if rows.is_empty() {
            return Ok(Sealed {
                events: 0,
                checkpoint: None,
            });
        }
        let events = rows.len() as u64;
        let (mut position, mut link) = end(transaction).await?;
        for row in rows {
            position += 1;
            let event = sealed(row, position)?;
            link = chain::link(&link, &event);
            place(transaction, event.sequence, position, link).await?;
        }
        let checkpoint = Checkpoint::sign(position, link, self.at, self.seal.as_ref());
        let checkpoint = checkpoint.map_err(|error| Error::Unavailable(Arc::new(error)))?;
        keep(transaction, &checkpoint).await?;
        Ok(Sealed {
            events,
            checkpoint: Some(checkpoint),
        })
    }
}

/// Reads where the chain ends.
async fn end(transaction: &DatabaseTransaction) -> Result<(u64, Link), Error> {
    let last = Entity::find()
        .filter(Expr::cust("position IS NOT NULL"))
        .order_by_desc(Column::Position)
        .limit(1)
        .one(transaction)
        .await?;
    let Some(last) = last else {
        return Ok((0, GENESIS));
    };
    let position = counter("audit_event.position", last.position.unwrap_or_default())?;
    let hash = last.hash.unwrap_or_default();
    Ok((position, octets("audit_event.hash", &hash)?))
}

async fn place(
    transaction: &DatabaseTransaction,
    sequence: u64,
    position: u64,
    link: Link,
) -> Result<(), Error> {
    let changes = ActiveModel {
        position: Set(Some(signed("audit_event.position", position)?)),
        hash: Set(Some(link.to_vec())),
        ..ActiveModel::default()
    };
    Entity::update_many()
        .set(changes)
        .filter(Column::Sequence.eq(signed("audit_event.sequence", sequence)?))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Stores a checkpoint in place of the others of its hour: the newest vouches for all before it,
/// and one an hour narrows down where a rewritten chain begins.
async fn keep(transaction: &DatabaseTransaction, checkpoint: &Checkpoint) -> Result<(), Error> {
    let at = checkpoint.at.unix_secs();
    audit_checkpoint::Entity::delete_many()
        .filter(audit_checkpoint::Column::At.gte(at - at.rem_euclid(HOUR)))
        .exec(transaction)
        .await?;
    let row = audit_checkpoint::ActiveModel {
        position: Set(signed("audit_checkpoint.position", checkpoint.position)?),
        hash: Set(checkpoint.link.to_vec()),
        at: Set(at),
        signature: Set(checkpoint.signature.clone()),
    };
    audit_checkpoint::Entity::insert(row)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

const BATCH: u64 = 250;
const HOUR: i64 = 3_600;
