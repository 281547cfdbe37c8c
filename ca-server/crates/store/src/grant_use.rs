//! Uses of limited grants, counted in the transaction of the intent that uses them.

use std::collections::BTreeMap;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter};

use crate::Error;
use crate::entity::grant_use::{Column, Entity, Model};
use crate::row::{self, counter};
use crate::transaction::Transaction;

/// Takes one use of `grant`, or says that all `limit` are taken.
pub(crate) async fn take(transaction: &Transaction, grant: &str, limit: u64) -> Result<(), Error> {
    let limit = row::signed("grant_use.limit", limit)?;
    let counted = Entity::update_many()
        .col_expr(Column::Used, Expr::col(Column::Used).add(1))
        .filter(Column::GrantName.eq(grant))
        .filter(Column::Used.lt(limit));
    if transaction.run_built(counted).await? > 0 {
        return Ok(());
    }
    let known = transaction.one(Entity::find_by_id(grant)).await?;
    if known.is_some() || limit < 1 {
        return Err(Error::GrantUsedUp);
    }
    // Of two first uses at once, one finds the other's row when it runs again.
    let first = Model {
        grant_name: grant.to_owned(),
        used: 1,
    };
    row::insert(transaction, first).await
}

/// Gives one use back.
pub(crate) async fn give_back(transaction: &Transaction, grant: &str) -> Result<(), Error> {
    Entity::update_many()
        .col_expr(Column::Used, Expr::col(Column::Used).sub(1))
        .filter(Column::GrantName.eq(grant))
        .filter(Column::Used.gt(0))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Begins to count anew.
pub(crate) async fn forget(transaction: &Transaction, grant: &str) -> Result<(), Error> {
    Entity::delete_by_id(grant).exec(transaction).await?;
    Ok(())
}

/// Reads how often each grant was used, by name.
pub(crate) async fn all<C: ConnectionTrait>(database: &C) -> Result<BTreeMap<String, u64>, Error> {
    let rows = Entity::find().all(database).await?;
    let uses = rows.into_iter().map(|row| {
        let used = counter("grant_use.used", row.used)?;
        Ok((row.grant_name, used))
    });
    uses.collect()
}
