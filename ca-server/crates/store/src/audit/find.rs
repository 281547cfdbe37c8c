//! What finds events.

use ca_issuance::audit::query::{
    EventCursor, EventOrder, EventPage, EventQuery, KindFilter, RecordedEvent, VIA,
};
use ca_pki::Timestamp;
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Func, IntoColumnRef};
use sea_orm::{ColumnTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect};

use crate::Error;
use crate::entity::audit_event::{Column, Entity, Model};
use crate::pool::Pool;
use crate::row::{can_hold, counter, octets, signed};

/// Reads a page of the log. The index on moment and sequence bounds what is scanned.
pub(crate) async fn page(database: &Pool, query: &EventQuery) -> Result<EventPage, Error> {
    let Some(condition) = condition(query) else {
        return Ok(EventPage {
            events: Vec::new(),
            next: None,
        });
    };
    let order = match query.order {
        EventOrder::OldestFirst => Order::Asc,
        EventOrder::NewestFirst => Order::Desc,
    };
    let limit = u64::from(query.limit);
    let mut rows = Entity::find()
        .filter(condition)
        .order_by(Column::At, order.clone())
        .order_by(Column::Sequence, order)
        // One more than asked for tells whether there is another page.
        .limit(limit + 1)
        .all(database)
        .await?;
    let more = rows.len() as u64 > limit;
    rows.truncate(query.limit as usize);
    let events: Vec<_> = rows
        .into_iter()
        .map(RecordedEvent::try_from)
        .collect::<Result<_, _>>()?;
    let next = events.last().filter(|_| more).map(RecordedEvent::cursor);
    Ok(EventPage { events, next })
}

/// Returns what rows must fulfil; `None` if none can.
fn condition(query: &EventQuery) -> Option<Condition> {
    let texts = [
        query.actor.as_deref(),
        query.subject.as_deref(),
        kind(query),
    ];
    if !texts.into_iter().flatten().all(can_hold) {
        return None;
    }
    let kind = query.kind.as_ref().map(|kind| match kind {
        KindFilter::Exactly(name) => Column::Kind.eq(name),
        KindFilter::Family(beginning) => begins_with(Column::Kind, beginning),
    });
    let actor = query.actor.as_ref().map(|actor| {
        let acting = begins_with(Column::Actor, &format!("{actor}{VIA}"));
        Column::Actor.eq(actor).or(acting)
    });
    let subject = query.subject.as_ref();
    let after = query.cursor.map(|after| beyond(query.order, after));
    Some(
        Condition::all()
            .add_option(kind)
            .add_option(actor)
            .add_option(subject.map(|subject| Column::Subject.eq(subject)))
            .add_option(query.since.map(|since| Column::At.gte(since.unix_secs())))
            .add_option(query.until.map(|until| Column::At.lt(until.unix_secs())))
            .add_option(after),
    )
}

fn kind(query: &EventQuery) -> Option<&str> {
    match query.kind.as_ref()? {
        KindFilter::Exactly(text) | KindFilter::Family(text) => Some(text),
    }
}

/// Compares octets; `LIKE` would fold case on SQLite and need escapes.
fn begins_with(column: Column, beginning: &str) -> Expr {
    let length = i32::try_from(beginning.chars().count()).unwrap_or(i32::MAX);
    Func::cust("substr")
        .args([
            Expr::col(column.into_column_ref()),
            Expr::val(1),
            Expr::val(length),
        ])
        .eq(beginning)
}

fn beyond(order: EventOrder, cursor: EventCursor) -> Expr {
    let row = Expr::tuple([Expr::col(Column::At), Expr::col(Column::Sequence)]);
    let place = Expr::tuple([
        Expr::val(cursor.at.unix_secs()),
        // A sequence that no row can have may only come from a made-up cursor.
        Expr::val(signed("cursor", cursor.sequence).unwrap_or(i64::MAX)),
    ]);
    match order {
        EventOrder::OldestFirst => row.gt(place),
        EventOrder::NewestFirst => row.lt(place),
    }
}

impl TryFrom<Model> for RecordedEvent {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let link = |hash: Vec<u8>| octets("audit_event.hash", &hash);
        let position = row
            .position
            .map(|position| counter("audit_event.position", position));
        Ok(Self {
            sequence: counter("audit_event.sequence", row.sequence)?,
            position: position.transpose()?,
            hash: row.hash.map(link).transpose()?,
            at: Timestamp::from_unix_secs(row.at),
            kind: row.kind,
            actor: row.actor,
            subject: row.subject,
            details: Self::details_from(row.details),
        })
    }
}
