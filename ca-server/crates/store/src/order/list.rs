//! What lists orders of every account.

use ca_acme::order::{OrderList, OrderQuery, OrderStatus};
use ca_pki::Timestamp;
use sea_orm::sea_query::{Condition, Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{from_row, status_name};
use crate::Error;
use crate::entity::order::{Column, Entity};
use crate::pool::Pool;
use crate::row::can_hold;

/// Reads a page of orders, newest first.
pub(crate) async fn page(
    database: &Pool,
    query: &OrderQuery,
    now: Timestamp,
) -> Result<OrderList, Error> {
    let Some(condition) = condition(query, now) else {
        return Ok(OrderList::cut(Vec::new(), query.limit));
    };
    let rows = Entity::find()
        .filter(condition)
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        // One more than asked for tells whether there is another page.
        .limit(u64::from(query.limit) + 1)
        .all(database)
        .await?;
    let orders = rows.into_iter().map(|row| from_row(row, now));
    let orders = orders.collect::<Result<_, _>>()?;
    Ok(OrderList::cut(orders, query.limit))
}

/// Returns what rows must fulfil; `None` if none can.
fn condition(query: &OrderQuery, now: Timestamp) -> Option<Condition> {
    let cursor = query.cursor.as_ref();
    let texts = query.directory.iter().chain(&query.account);
    let mut texts = texts.chain(cursor.map(|place| &place.id));
    if !texts.all(|text| can_hold(text)) {
        return None;
    }
    let older = cursor.map(|place| {
        let row = Expr::tuple([Expr::col(Column::CreatedAt), Expr::col(Column::Id)]);
        row.lt(Expr::tuple([
            Expr::val(place.created_at.unix_secs()),
            Expr::val(place.id.as_str()),
        ]))
    });
    let directory = query.directory.as_ref();
    let account = query.account.as_ref();
    Some(
        Condition::all()
            .add_option(directory.map(|name| Column::Directory.eq(name)))
            .add_option(account.map(|id| Column::Account.eq(id)))
            .add_option(query.status.map(|status| standing(status, now)))
            .add_option(older),
    )
}

/// Finds what [`from_row`] reads as this status: an order that expired unfinished is invalid.
fn standing(status: OrderStatus, now: Timestamp) -> Condition {
    let stored = Column::Status.eq(status_name(status));
    let unfinished = [OrderStatus::Pending, OrderStatus::Ready].map(status_name);
    match status {
        OrderStatus::Pending | OrderStatus::Ready => Condition::all()
            .add(stored)
            .add(Column::ExpiresAt.gt(now.unix_secs())),
        OrderStatus::Processing | OrderStatus::Valid => Condition::all().add(stored),
        OrderStatus::Invalid => {
            let expired = Condition::all()
                .add(Column::Status.is_in(unfinished))
                .add(Column::ExpiresAt.lte(now.unix_secs()));
            Condition::any().add(stored).add(expired)
        }
    }
}
