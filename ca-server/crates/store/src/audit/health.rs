//! What operators watch of the log: its newest checkpoint, and what waits.

use ca_issuance::audit::chain::Checkpoint;
use ca_pki::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::seal;
use crate::entity::audit_event::{Column, Entity};
use crate::row::{counter, moment};
use crate::{Error, Store};

/// Events that wait for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// How many.
    pub events: u64,
    /// When the oldest of them happened.
    pub since: Option<Timestamp>,
}

impl Store {
    /// Reads the newest checkpoint: worth keeping outside of the database.
    pub async fn newest_checkpoint(&self) -> Result<Option<Checkpoint>, Error> {
        seal::newest_checkpoint(self.reads()).await
    }

    /// Tells when the newest event happened, by the clock of the server that wrote it.
    pub async fn newest_event_at(&self) -> Result<Option<Timestamp>, Error> {
        let newest: Option<i64> = Entity::find()
            .select_only()
            .column(Column::At)
            .order_by_desc(Column::Sequence)
            .limit(1)
            .into_tuple()
            .one(self.reads())
            .await?;
        Ok(moment(newest))
    }

    /// Counts the events that wait to be sealed.
    pub async fn unsealed(&self) -> Result<Backlog, Error> {
        let waiting = Entity::find().filter(Expr::cust("position IS NULL"));
        self.backlog(waiting).await
    }

    /// Counts the events of a selection.
    pub(super) async fn backlog(&self, waiting: Select<Entity>) -> Result<Backlog, Error> {
        let counted: Option<(i64, Option<i64>)> = waiting
            .select_only()
            .column_as(Expr::col(Column::Sequence).count(), "events")
            .column_as(Expr::col(Column::At).min(), "since")
            .into_tuple()
            .one(self.reads())
            .await?;
        let (events, since) = counted.unwrap_or_default();
        Ok(Backlog {
            events: counter("count of audit_event", events)?,
            since: moment(since),
        })
    }
}
