//! Handing the log on: sealed events in the order of the chain, each at least once.
//!
//! A place in the chain is given once and after all places before it, so what lies behind the
//! cursor is complete; sequences would not do, since on PostgreSQL a lower one may be committed
//! after a higher one. The cursor moves after the receiver has taken a batch. A crash between the
//! two sends that batch again.

use std::sync::Arc;

use ca_issuance::audit::export::Receiver;
use ca_issuance::audit::query::RecordedEvent;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use super::Backlog;
use crate::change::Change;
use crate::entity::audit_event::{Column, Entity};
use crate::entity::audit_export;
use crate::row;
use crate::transaction::Transaction;
use crate::{Error, Store, lease};

/// Notes that the receiver has everything up to a position.
struct Move {
    fencing: u64,
    from: i64,
    to: i64,
}

impl Store {
    /// The work that an exporter claims before it calls [`Store::export`].
    pub const EXPORTING: &'static str = "audit.export";

    /// Hands the next events on, under the lease on [`Store::EXPORTING`] with this fencing
    /// number; returns how many, at most [`Store::EXPORT_BATCH`]. `NotExported` if the receiver
    /// did not take them, `Conflict` if the lease has passed to somebody else meanwhile: either
    /// way they are sent again.
    pub async fn export(&self, fencing: u64, receiver: &dyn Receiver) -> Result<u64, Error> {
        let from = cursor(self.reads()).await?;
        let rows = after(from)
            .order_by_asc(Column::Position)
            .limit(Self::EXPORT_BATCH)
            .all(self.reads())
            .await?;
        let Some(to) = rows.last().and_then(|row| row.position) else {
            return Ok(0);
        };
        let events: Vec<_> = rows
            .into_iter()
            .map(RecordedEvent::try_from)
            .collect::<Result<_, _>>()?;
        let delivered = receiver.deliver(&events).await;
        delivered.map_err(|error| Error::NotExported(Arc::new(error)))?;
        self.write(Move { fencing, from, to }).await?;
        Ok(events.len() as u64)
    }

    /// Counts the sealed events that the receiver does not have yet.
    pub async fn unexported(&self) -> Result<Backlog, Error> {
        let from = cursor(self.reads()).await?;
        self.backlog(after(from)).await
    }

    /// How many events make a batch.
    pub const EXPORT_BATCH: u64 = 250;
}

impl Change for Move {
    type Outcome = ();

    async fn apply(&self, transaction: &Transaction) -> Result<(), Error> {
        lease::require(transaction, Store::EXPORTING, self.fencing).await?;
        let moved = audit_export::ActiveModel {
            position: Set(self.to),
            ..Default::default()
        };
        let updated = audit_export::Entity::update_many()
            .set(moved)
            .filter(audit_export::Column::Receiver.eq(RECEIVER))
            .filter(audit_export::Column::Position.eq(self.from))
            .exec(transaction)
            .await?;
        if updated.rows_affected == 1 {
            return Ok(());
        }
        if self.from != 0 {
            return Err(Error::Conflict);
        }
        let first = audit_export::Model {
            receiver: RECEIVER.to_owned(),
            position: self.to,
        };
        row::insert(transaction, first).await
    }
}

/// Reads up to where the receiver has everything; 0 before the first event.
async fn cursor<C: ConnectionTrait>(database: &C) -> Result<i64, Error> {
    let row = audit_export::Entity::find_by_id(RECEIVER)
        .one(database)
        .await?;
    Ok(row.map_or(0, |row| row.position))
}

fn after(position: i64) -> Select<Entity> {
    Entity::find()
        .filter(Expr::cust("position IS NOT NULL"))
        .filter(Column::Position.gt(position))
}

/// There is one receiver so far.
const RECEIVER: &str = "syslog";
