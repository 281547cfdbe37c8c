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
use serde_json::json as array;

use crate::Error;
use crate::change::Change;
use crate::entity::audit_checkpoint;
use crate::entity::audit_event::Model;
use crate::row::{json, octets};
use crate::transaction::Transaction;

/// Appends an event that has no change of its own.
pub(crate) struct Append {
    pub(crate) event: Event,
}

impl Change for Append {
    type Outcome = ();

    const SWIFT: bool = true;

    async fn apply(&self, transaction: &Transaction) -> Result<(), Error> {
        record(transaction, &self.event).await
    }
}

/// Writes an event in the transaction of its change. If it cannot be written, neither is the
/// change.
pub(crate) async fn record(transaction: &Transaction, event: &Event) -> Result<(), Error> {
    let at = event.at.unix_secs();
    let (kind, actor) = (event.kind.name(), event.actor.to_string());
    let (subject, details) = (event.subject.as_str(), json(&event.details)?);
    if transaction.gathers() {
        transaction.gather(array!([at, kind, actor, subject, details]));
        return Ok(());
    }
    let values = [
        at.into(),
        kind.into(),
        actor.into(),
        subject.into(),
        details.into(),
    ];
    transaction.run(INSERT, values).await?;
    Ok(())
}

/// Writes the events that a transaction has gathered.
pub(crate) async fn record_gathered(transaction: &Transaction) -> Result<(), Error> {
    let events = transaction.take_gathered();
    if !events.is_empty() {
        transaction
            .run(INSERT_GATHERED, [json(&events)?.into()])
            .await?;
    }
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

const INSERT: &str =
    "INSERT INTO audit_event (at, kind, actor, subject, details) VALUES ($1, $2, $3, $4, $5)";
/// One text whatever their number, so that it is planned once; a list in JSON keeps their order.
const INSERT_GATHERED: &str = "INSERT INTO audit_event (at, kind, actor, subject, details) \
     SELECT (event ->> 0)::bigint, event ->> 1, event ->> 2, event ->> 3, event ->> 4 \
     FROM json_array_elements($1::json) AS event";
