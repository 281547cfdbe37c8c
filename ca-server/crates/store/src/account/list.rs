//! What lists accounts.

use ca_acme::account::{Account, AccountList, AccountQuery};
use sea_orm::sea_query::{Condition, Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::status_name;
use crate::Error;
use crate::entity::account::{Column, Entity};
use crate::pool::Pool;
use crate::row::can_hold;

/// Reads a page of accounts, newest first.
pub(crate) async fn page(database: &Pool, query: &AccountQuery) -> Result<AccountList, Error> {
    let Some(condition) = condition(query) else {
        return Ok(AccountList::cut(Vec::new(), query.limit));
    };
    let rows = Entity::find()
        .filter(condition)
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        // One more than asked for tells whether there is another page.
        .limit(u64::from(query.limit) + 1)
        .all(database)
        .await?;
    let accounts = rows.into_iter().map(Account::try_from);
    let accounts = accounts.collect::<Result<_, _>>()?;
    Ok(AccountList::cut(accounts, query.limit))
}

/// Returns what rows must fulfil; `None` if none can.
fn condition(query: &AccountQuery) -> Option<Condition> {
    let cursor = query.cursor.as_ref();
    let mut texts = query.directory.iter().chain(cursor.map(|place| &place.id));
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
    let status = query.status.map(status_name);
    Some(
        Condition::all()
            .add_option(directory.map(|name| Column::Directory.eq(name)))
            .add_option(status.map(|name| Column::Status.eq(name)))
            .add_option(older),
    )
}
