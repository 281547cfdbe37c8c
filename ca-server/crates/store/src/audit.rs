//! Audit events: written with their change, sealed into a chain soon after, verified on demand.

mod find;
mod seal;
mod verify;

pub(crate) use find::page;
pub use seal::Sealed;
pub use verify::Verification;

use ca_issuance::audit::Event;
use ca_issuance::audit::chain::{Checkpoint, SealedEvent};
use ca_pki::Timestamp;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{DatabaseTransaction, EntityTrait};

use crate::Error;
use crate::change::Change;
use crate::entity::audit_checkpoint;
use crate::entity::audit_event::{ActiveModel, Entity, Model};
use crate::row::{counter, json, octets};

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

/// Reads a row as the chain sees it, at the given position.
fn sealed(row: Model, position: u64) -> Result<SealedEvent, Error> {
    Ok(SealedEvent {
        position,
        sequence: counter("audit_event.sequence", row.sequence)?,
        at: Timestamp::from_unix_secs(row.at),
        kind: row.kind,
        actor: row.actor,
        subject: row.subject,
        details: row.details,
    })
}

/// Reads a checkpoint.
fn checkpoint(row: audit_checkpoint::Model) -> Result<Checkpoint, Error> {
    Ok(Checkpoint {
        position: counter("audit_checkpoint.position", row.position)?,
        link: octets("audit_checkpoint.hash", &row.hash)?,
        at: Timestamp::from_unix_secs(row.at),
        signature: row.signature,
    })
}
