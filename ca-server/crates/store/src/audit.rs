//! Audit events: written with their change, sealed into a chain soon after, verified on demand.

mod export;
mod find;
mod health;
mod seal;
mod verify;

pub(crate) use find::page;
pub use health::Backlog;
pub use seal::Sealed;
pub use verify::Verification;

use ca_issuance::audit::Event;
use ca_issuance::audit::chain::{Checkpoint, GENESIS, SealedEvent};
use ca_pki::Timestamp;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{DatabaseTransaction, EntityTrait};

use crate::Error;
use crate::change::Change;
use crate::entity::audit_checkpoint;
use crate::entity::audit_event::{ActiveModel, Entity, Model};
use crate::row::{json, octets};

/// Appends an event that has no change of its own.
pub(crate) struct Append {
    pub(crate) event: Event,
}

impl Change for Append {
    type Outcome = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        record(transaction, &self.event).await
    }
}

/// Writes an event in the transaction of its change. If it cannot be written, neither is the
/// change.
pub(crate) async fn record(transaction: &DatabaseTransaction, event: &Event) -> Result<(), Error> {
    let row = ActiveModel {
        sequence: NotSet,
        at: Set(event.at.unix_secs()),
        kind: Set(event.kind.name().to_owned()),
        actor: Set(event.actor.to_string()),
        subject: Set(event.subject.clone()),
        details: Set(json(&event.details)?),
        position: Set(None),
        hash: Set(None),
    };
    Entity::insert(row)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// Reads a row as the chain sees it, at the given position. A negative sequence was never drawn:
/// it reads as one that no link covers.
fn sealed(row: Model, position: u64) -> SealedEvent {
    SealedEvent {
        position,
        sequence: row.sequence.cast_unsigned(),
        at: Timestamp::from_unix_secs(row.at),
        kind: row.kind,
        actor: row.actor,
        subject: row.subject,
        details: row.details,
    }
}

/// Reads a checkpoint. One with a position or a link that none ever had reads as one that nobody
/// signed, so that a verification names it.
fn checkpoint(row: audit_checkpoint::Model) -> Checkpoint {
    Checkpoint {
        position: row.position.cast_unsigned(),
        link: octets("audit_checkpoint.hash", &row.hash).unwrap_or(GENESIS),
        at: Timestamp::from_unix_secs(row.at),
        key: row.key,
        signature: row.signature,
    }
}
