//! What becomes of orders when their authorizations, account or certificate move.
//!
//! Only the corridor moves a `processing` order: everything else leaves it alone.

use ca_acme::order::OrderStatus;
use ca_acme::{Problem, ProblemKind};
use ca_pki::{Serial, Timestamp};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, LockType, Query};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, UpdateMany,
};

use super::status_name;
use crate::entity::order::{ActiveModel, Column, Entity};
use crate::entity::{authorization, order_authorization};
use crate::{Error, problem};

/// Makes pending orders that hold this authorization `ready`, where it was the last.
///
/// Two authorizations of one order may become valid in two transactions at once, each blind to
/// the other. The orders are locked first, in order of id: the second transaction waits here, and
/// its count, a later statement, sees what the first committed.
pub(crate) async fn advance(
    transaction: &DatabaseTransaction,
    authorization: &str,
) -> Result<(), Error> {
    let holders = lock_holders(transaction, authorization).await?;
    if holders.is_empty() {
        return Ok(());
    }
    let open = Query::select()
        .expr(Expr::val(1))
        .from(order_authorization::Entity)
        .inner_join(
            authorization::Entity,
            Expr::col((authorization::Entity, authorization::Column::Id)).equals((
                order_authorization::Entity,
                order_authorization::Column::AuthorizationId,
            )),
        )
        .and_where(
            Expr::col((
                order_authorization::Entity,
                order_authorization::Column::OrderId,
            ))
            .equals((Entity, Column::Id)),
        )
        .and_where(Expr::col((authorization::Entity, authorization::Column::Status)).ne("valid"))
        .take();
    moving(OrderStatus::Pending, OrderStatus::Ready)
        .filter(Column::Id.is_in(holders))
        .filter(Expr::exists(open).not())
        .exec(transaction)
        .await?;
    Ok(())
}

/// Fails the unfinished orders that hold this authorization.
pub(crate) async fn fail_holders(
    transaction: &DatabaseTransaction,
    authorization: &str,
    why: &Problem,
) -> Result<(), Error> {
    let holders = lock_holders(transaction, authorization).await?;
    if holders.is_empty() {
        return Ok(());
    }
    failing(why)?
        .filter(Column::Id.is_in(holders))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Fails the unfinished orders of an account that was deactivated.
pub(crate) async fn fail_unfinished_of(
    transaction: &DatabaseTransaction,
    account: &str,
) -> Result<(), Error> {
    let why = Problem::new(ProblemKind::Unauthorized, "the account was deactivated");
    failing(&why)?
        .filter(Column::Account.eq(account))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Takes a ready order for a certificate: it becomes `processing`. `Conflict` if it is not ready.
pub(crate) async fn begin_issuing(
    transaction: &DatabaseTransaction,
    order: &str,
    certificate: (&str, &Serial),
    now: Timestamp,
) -> Result<(), Error> {
    let (issuer, serial) = certificate;
    let changes = ActiveModel {
        status: Set(status_name(OrderStatus::Processing).to_owned()),
        issuer: Set(Some(issuer.to_owned())),
        serial: Set(Some(serial.as_be_bytes().to_vec())),
        ..ActiveModel::default()
    };
    let taken = Entity::update_many()
        .set(changes)
        .filter(Column::Id.eq(order))
        .filter(Column::Status.eq(status_name(OrderStatus::Ready)))
        .filter(Column::ExpiresAt.gt(now.unix_secs()))
        .exec(transaction)
        .await?;
    one(taken.rows_affected)
}

/// Ends an order with its certificate: `processing` becomes `valid`.
pub(crate) async fn finish(
    transaction: &DatabaseTransaction,
    order: &str,
    serial: &Serial,
) -> Result<(), Error> {
    let finished = moving(OrderStatus::Processing, OrderStatus::Valid)
        .filter(Column::Id.eq(order))
        .filter(Column::Serial.eq(serial.as_be_bytes().to_vec()))
        .exec(transaction)
        .await?;
    one(finished.rows_affected)
}

/// Gives an order back whose serial was burned: `ready` again, or `invalid` if its time is up.
pub(crate) async fn resume(
    transaction: &DatabaseTransaction,
    order: &str,
    serial: &Serial,
    now: Timestamp,
) -> Result<(), Error> {
    for (to, in_time) in [
        (OrderStatus::Ready, Column::ExpiresAt.gt(now.unix_secs())),
        (OrderStatus::Invalid, Column::ExpiresAt.lte(now.unix_secs())),
    ] {
        let changes = ActiveModel {
            status: Set(status_name(to).to_owned()),
            issuer: Set(None),
            serial: Set(None),
            ..ActiveModel::default()
        };
        Entity::update_many()
            .set(changes)
            .filter(Column::Id.eq(order))
            .filter(Column::Serial.eq(serial.as_be_bytes().to_vec()))
            .filter(Column::Status.eq(status_name(OrderStatus::Processing)))
            .filter(in_time)
            .exec(transaction)
            .await?;
    }
    Ok(())
}

async fn lock_holders(
    transaction: &DatabaseTransaction,
    authorization: &str,
) -> Result<Vec<String>, Error> {
    let holding = Query::select()
        .column(order_authorization::Column::OrderId)
        .from(order_authorization::Entity)
        .and_where(order_authorization::Column::AuthorizationId.eq(authorization))
        .take();
    let ids = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.in_subquery(holding))
        .filter(Column::Status.is_in([OrderStatus::Pending, OrderStatus::Ready].map(status_name)))
        .order_by_asc(Column::Id)
        .lock(LockType::NoKeyUpdate)
        .into_tuple()
        .all(transaction)
        .await?;
    Ok(ids)
}

fn moving(from: OrderStatus, to: OrderStatus) -> UpdateMany<Entity> {
    let changes = ActiveModel {
        status: Set(status_name(to).to_owned()),
        ..ActiveModel::default()
    };
    Entity::update_many()
        .set(changes)
        .filter(Column::Status.eq(status_name(from)))
}

fn failing(why: &Problem) -> Result<UpdateMany<Entity>, Error> {
    let changes = ActiveModel {
        status: Set(status_name(OrderStatus::Invalid).to_owned()),
        error: Set(Some(problem::to_json(why)?)),
        ..ActiveModel::default()
    };
    let unfinished = [OrderStatus::Pending, OrderStatus::Ready].map(status_name);
    Ok(Entity::update_many()
        .set(changes)
        .filter(Column::Status.is_in(unfinished)))
}

fn one(rows_affected: u64) -> Result<(), Error> {
    match rows_affected {
        0 => Err(Error::Conflict),
        _ => Ok(()),
    }
}
