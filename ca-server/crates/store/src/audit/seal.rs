//! Sealing: gives committed events their places in the chain.
//!
//! Events are taken by what is not sealed yet, not by their sequence: on PostgreSQL a lower
//! sequence may be committed after a higher one, and must not be skipped. Links and signature are
//! made outside of the writer, since a token may take its time; placing them is one change. A
//! crash between two batches leaves whole batches, each with its checkpoint; the next sealing
//! goes on from there.
//!
//! Sealing must not vouch for what somebody else did to the chain, nor remove what shows it: it
//! goes on only where the newest checkpoint says that the chain ends, and only if the seal vouches
//! for that checkpoint.

use std::sync::Arc;

use ca_issuance::audit::chain::{self, Checkpoint, GENESIS, Judgement, Link, Seal};
use ca_pki::{Timestamp, hex};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::{checkpoint, sealed};
use crate::change::Change;
use crate::entity::audit_checkpoint;
use crate::entity::audit_event::{Column, Entity, Model};
use crate::row::{counter, json, octets, signed};
use crate::transaction::{Others, Transaction};
use crate::{Error, Store, lease};

/// What a sealing did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// How many events were sealed.
    pub events: u64,
    /// The newest checkpoint, if anything was sealed: worth keeping outside of the database.
    pub checkpoint: Option<Checkpoint>,
}

/// Puts events into the chain where it ended when they were read.
struct Place {
    fencing: u64,
    after: (u64, Link),
    events: Vec<Placed>,
    checkpoint: Checkpoint,
    seal: Arc<dyn Seal>,
}

struct Placed {
    sequence: i64,
    at: Timestamp,
    position: u64,
    link: Link,
}

impl Store {
    /// The work that a sealer claims before it calls [`Store::seal`].
    pub const SEALING: &'static str = "audit.seal";

    /// Seals events that are not sealed yet, the oldest first and at most [`Store::SEALED_AT_ONCE`],
    /// under the lease on [`Store::SEALING`] with this fencing number. `Conflict` if the lease has passed to somebody else; `Corrupt` if the chain
    /// was cut or rewritten, which [`Store::verify_audit`] then names.
    pub async fn seal(&self, fencing: u64, seal: Arc<dyn Seal>) -> Result<Sealed, Error> {
        let mut done = Sealed {
            events: 0,
            checkpoint: None,
        };
        while done.events < Self::SEALED_AT_ONCE {
            let (after, events) = self.next_links().await?;
            let Some(last) = events.last() else {
                break;
            };
            let at = self.moment_of(&events, last);
            let checkpoint = sign(last, at, Arc::clone(&seal)).await?;
            done.events += events.len() as u64;
            done.checkpoint = Some(checkpoint.clone());
            let place = Place {
                fencing,
                after,
                events,
                checkpoint,
                seal: Arc::clone(&seal),
            };
            self.write(place).await?;
        }
        Ok(done)
    }

    /// So many that a backlog goes quickly, so few that it can be told how it goes.
    pub const SEALED_AT_ONCE: u64 = 40 * BATCH;

    /// A checkpoint is dated no later than what it leaves for the next one: whoever verifies in
    /// between, or after a crash here, must not take a backlog for events that were slipped in.
    fn moment_of(&self, events: &[Placed], last: &Placed) -> Timestamp {
        match (events.len() as u64) < BATCH {
            true => self.now(),
            false => self.now().min(last.at),
        }
    }

    /// Links the oldest unsealed events; also returns how the chain ends before them.
    ///
    /// The end is read first: a change that was given up may still come through, and one that does
    /// so between the two reads then shows as an end that has moved on. Read the other way round,
    /// its events would be placed once more, behind themselves.
    async fn next_links(&self) -> Result<((u64, Link), Vec<Placed>), Error> {
        let after = end(last_sealed().one(self.reads()).await?)?;
        let rows = Entity::find()
            .filter(Expr::cust("position IS NULL"))
            .order_by_asc(Column::Sequence)
            .limit(BATCH)
            .all(self.reads())
            .await?;
        let (position, mut link) = after;
        let placed = (position + 1..).zip(rows).map(|(position, row)| {
            let (sequence, at) = (row.sequence, Timestamp::from_unix_secs(row.at));
            link = chain::link(&link, &sealed(row, position));
            Placed {
                sequence,
                at,
                position,
                link,
            }
        });
        Ok((after, placed.collect()))
    }
}

impl Change for Place {
    type Outcome = ();

    const SWIFT: bool = true;

    async fn apply(&self, transaction: &Transaction) -> Result<(), Error> {
        lease::require(transaction, Store::SEALING, self.fencing).await?;
        let end = end(transaction.one(last_sealed()).await?)?;
        if end != self.after {
            return Err(Error::Conflict);
        }
        let newest = transaction.one(newest()).await?.map(checkpoint);
        require_untouched(self.after, newest.as_ref(), self.seal.as_ref())?;
        self.place(transaction).await?;
        if let Some(newest) = newest
            && self.replaces(&newest)
        {
            remove(transaction, &newest).await?;
        }
        keep(transaction, &self.checkpoint).await
    }
}

impl Place {
    async fn place(&self, transaction: &Transaction) -> Result<(), Error> {
        if transaction.others() == Others::Write {
            let rows: Vec<_> = self.events.iter().map(Placed::to_json).collect();
            transaction.run(PLACE_ALL, [json(&rows)?.into()]).await?;
            return Ok(());
        }
        for event in &self.events {
            let position = signed("audit_event.position", event.position)?;
            let values = [
                position.into(),
                event.link.to_vec().into(),
                event.sequence.into(),
            ];
            transaction.run(PLACE, values).await?;
        }
        Ok(())
    }

    /// One checkpoint an hour stays: the newest vouches for all before it, and one an hour narrows
    /// down where a rewritten chain begins.
    fn replaces(&self, newest: &Checkpoint) -> bool {
        let at = self.checkpoint.at.unix_secs();
        newest.at.unix_secs() >= at - at.rem_euclid(HOUR)
    }
}

/// Events and checkpoint are placed in one transaction, so they only ever part by another hand.
/// A checkpoint that the seal does not vouch for must stay where it is: it is evidence.
fn require_untouched(
    (position, link): (u64, Link),
    newest: Option<&Checkpoint>,
    seal: &dyn Seal,
) -> Result<(), Error> {
    let vouched = newest.map_or((0, GENESIS), |newest| (newest.position, newest.link));
    if vouched != (position, link) {
        return Err(Error::Corrupt(format!(
            "the audit chain ends at position {position}, other than its checkpoint at {} says: \
             run `ca-server audit verify`",
            vouched.0
        )));
    }
    if newest.is_some_and(|newest| newest.judge(seal) != Judgement::Vouches) {
        return Err(Error::Corrupt(format!(
            "the audit chain's checkpoint at position {position} is not of [audit] key or one of \
             its former_keys: run `ca-server audit verify`"
        )));
    }
    Ok(())
}

impl Placed {
    fn to_json(&self) -> (i64, u64, String) {
        (self.sequence, self.position, hex::lower(&self.link))
    }
}

async fn sign(last: &Placed, at: Timestamp, seal: Arc<dyn Seal>) -> Result<Checkpoint, Error> {
    let (position, link) = (last.position, last.link);
    let signing = move || Checkpoint::sign(position, link, at, seal.as_ref());
    match tokio::task::spawn_blocking(signing).await {
        Ok(Ok(checkpoint)) => Ok(checkpoint),
        Ok(Err(error)) => Err(Error::NotSealed(Arc::new(error))),
        Err(error) => Err(Error::NotSealed(Arc::new(error))),
    }
}

/// Tells where the chain ends by its last event.
fn end(last: Option<Model>) -> Result<(u64, Link), Error> {
    let Some(last) = last else {
        return Ok((0, GENESIS));
    };
    let position = counter("audit_event.position", last.position.unwrap_or_default())?;
    let hash = last.hash.unwrap_or_default();
    Ok((position, octets("audit_event.hash", &hash)?))
}

fn last_sealed() -> Select<Entity> {
    Entity::find()
        .filter(Expr::cust("position IS NOT NULL"))
        .order_by_desc(Column::Position)
        .limit(1)
}

/// Reads the newest checkpoint.
pub(super) async fn newest_checkpoint<C: ConnectionTrait>(
    database: &C,
) -> Result<Option<Checkpoint>, Error> {
    Ok(newest().one(database).await?.map(checkpoint))
}

fn newest() -> Select<audit_checkpoint::Entity> {
    audit_checkpoint::Entity::find()
        .order_by_desc(audit_checkpoint::Column::Position)
        .limit(1)
}

async fn remove(transaction: &Transaction, old: &Checkpoint) -> Result<(), Error> {
    let position = signed("audit_checkpoint.position", old.position)?;
    let removed = audit_checkpoint::Entity::delete_by_id(position);
    transaction.run_built(removed).await?;
    Ok(())
}

async fn keep(transaction: &Transaction, checkpoint: &Checkpoint) -> Result<(), Error> {
    let row = audit_checkpoint::ActiveModel {
        position: Set(signed("audit_checkpoint.position", checkpoint.position)?),
        hash: Set(checkpoint.link.to_vec()),
        at: Set(checkpoint.at.unix_secs()),
        signature: Set(checkpoint.signature.clone()),
        key: Set(checkpoint.key.clone()),
    };
    let kept = audit_checkpoint::Entity::insert(row);
    transaction.run_built(kept).await?;
    Ok(())
}

const PLACE: &str = "UPDATE audit_event SET position = $1, hash = $2 WHERE sequence = $3";
/// The same for many events in one way to the database.
const PLACE_ALL: &str = "UPDATE audit_event \
     SET position = (placed ->> 1)::bigint, hash = decode(placed ->> 2, 'hex') \
     FROM json_array_elements($1::json) AS placed WHERE sequence = (placed ->> 0)::bigint";
const BATCH: u64 = 250;
const HOUR: i64 = 3_600;
