//! What finds orders.

use ca_acme::order::{Order, OrderStatus};
use ca_acme::store::OrderPage;
use ca_pki::Timestamp;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{from_row, status_name};
use crate::Error;
use crate::entity::order::{Column, Entity};
use crate::point_reads::PointReads;
use crate::pool::Pool;
use crate::row;

/// Reads an order.
pub(crate) async fn by_id(
    database: &PointReads,
    id: &str,
    now: Timestamp,
) -> Result<Option<Order>, Error> {
    let row = database.first(BY_ID, [id.into()]).await?;
    let order = row.map(|row| from_row(row.model::<Entity>()?, now));
    order.transpose()
}

/// Counts an account's orders that are neither finished nor expired, up to `at_most`.
pub(crate) async fn count_unfinished(
    database: &PointReads,
    account: &str,
    at_most: u32,
    now: Timestamp,
) -> Result<u32, Error> {
    let values = [
        account.into(),
        now.unix_secs().into(),
        i64::from(at_most).into(),
    ];
    let count = database.number(COUNT_UNFINISHED, values).await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Where a page begins and how long it may be.
pub(crate) struct PageRequest<'a> {
    pub(crate) account: &'a str,
    pub(crate) cursor: Option<&'a str>,
    pub(crate) limit: u32,
    pub(crate) now: Timestamp,
}

/// Reads a page of an account's orders that are not invalid, oldest first.
pub(crate) async fn page(database: &Pool, request: PageRequest<'_>) -> Result<OrderPage, Error> {
    let limit = usize::try_from(request.limit.max(1)).unwrap_or(usize::MAX);
    let unfinished = [OrderStatus::Pending, OrderStatus::Ready].map(status_name);
    let alive = Condition::any()
        .add(Column::ExpiresAt.gt(request.now.unix_secs()))
        .add(Column::Status.is_not_in(unfinished));
    let mut query = Entity::find()
        .select_only()
        .columns([Column::Id, Column::CreatedAt])
        .filter(Column::Account.eq(request.account))
        .filter(Column::Status.ne(status_name(OrderStatus::Invalid)))
        .filter(alive)
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .limit(u64::from(request.limit.max(1)) + 1);
    if let Some((created_at, id)) = request.cursor.and_then(parse_cursor) {
        let later = Condition::any().add(Column::CreatedAt.gt(created_at)).add(
            Condition::all()
                .add(Column::CreatedAt.eq(created_at))
                .add(Column::Id.gt(id)),
        );
        query = query.filter(later);
    }
    let mut rows: Vec<(String, i64)> = query.into_tuple().all(database).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| more);
    let next_cursor = last.map(|(id, created_at)| format!("{created_at}.{id}"));
    let orders = rows.into_iter().map(|(id, _)| id).collect();
    Ok(OrderPage {
        orders,
        next_cursor,
    })
}

/// A cursor that was not made here starts from the beginning.
fn parse_cursor(cursor: &str) -> Option<(i64, &str)> {
    let (created_at, id) = cursor.split_once('.').filter(|_| row::can_hold(cursor))?;
    Some((created_at.parse().ok()?, id))
}

// A literal, so that the partial index serves.
const COUNT_UNFINISHED: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM acme_order \
     WHERE account = $1 AND status IN ('pending', 'ready') AND expires_at > $2 LIMIT $3) AS few";
const BY_ID: &str = "SELECT id, account, directory, status, expires_at, identifiers, \
     authorizations, profile, not_before, not_after, replaces, error, issuer, serial, created_at \
     FROM acme_order WHERE id = $1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::point_reads::reads_every_column;

    #[test]
    fn a_row_is_read_by_every_column_in_order() {
        assert!(reads_every_column::<Entity>(BY_ID));
    }
}
