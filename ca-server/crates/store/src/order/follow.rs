//! What becomes of orders when their authorizations, account or certificate move.
//!
//! Only the corridor moves a `processing` order: everything else leaves it alone.

use ca_acme::order::OrderStatus;
use ca_acme::{Problem, ProblemKind};
use ca_pki::{Serial, Timestamp};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, UpdateMany};

use super::status_name;
use crate::entity::order::{ActiveModel, Column, Entity};
use crate::transaction::{Others, Transaction};
use crate::{Error, problem};

/// Makes pending orders that hold this authorization `ready`, where it was the last.
///
/// Two authorizations of one order may become valid in two transactions at once, each blind to
/// the other. The orders are locked first, in order of id: the second transaction waits here, and
/// its count, a later statement, sees what the first committed.
pub(crate) async fn advance(transaction: &Transaction, authorization: &str) -> Result<(), Error> {
    let held = match transaction.others() {
        Others::Wait => true,
        Others::Write => !lock_holders(transaction, authorization).await?.is_empty(),
    };
    if !held {
        return Ok(());
    }
    transaction.run(ADVANCE, [authorization.into()]).await?;
    Ok(())
}

/// Fails the unfinished orders that hold this authorization.
pub(crate) async fn fail_holders(
    transaction: &Transaction,
    authorization: &str,
    why: &Problem,
) -> Result<(), Error> {
    let holders = lock_holders(transaction, authorization).await?;
    if holders.is_empty() {
        return Ok(());
    }
    let failed = failing(why)?.filter(Column::Id.is_in(holders));
    transaction.run_built(failed).await?;
    Ok(())
}

/// Fails the unfinished orders of an account that was deactivated.
pub(crate) async fn fail_unfinished_of(
    transaction: &Transaction,
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
    transaction: &Transaction,
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
        .filter(Column::ExpiresAt.gt(now.unix_secs()));
    one(transaction.run_built(taken).await?)
}

/// Ends an order with its certificate: `processing` becomes `valid`.
pub(crate) async fn finish(
    transaction: &Transaction,
    order: &str,
    serial: &Serial,
) -> Result<(), Error> {
    let finished = moving(OrderStatus::Processing, OrderStatus::Valid)
        .filter(Column::Id.eq(order))
        .filter(Column::Serial.eq(serial.as_be_bytes().to_vec()));
    one(transaction.run_built(finished).await?)
}

/// Gives an order back whose serial was burned: `ready` again, or `invalid` if its time is up.
pub(crate) async fn resume(
    transaction: &Transaction,
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
        let resumed = Entity::update_many()
            .set(changes)
            .filter(Column::Id.eq(order))
            .filter(Column::Serial.eq(serial.as_be_bytes().to_vec()))
            .filter(Column::Status.eq(status_name(OrderStatus::Processing)))
            .filter(in_time);
        transaction.run_built(resumed).await?;
    }
    Ok(())
}

async fn lock_holders(
    transaction: &Transaction,
    authorization: &str,
) -> Result<Vec<String>, Error> {
    let held = match transaction.others() {
        Others::Wait => HELD.to_owned(),
        Others::Write => format!("{HELD} FOR NO KEY UPDATE"),
    };
    let ids = transaction.texts(&held, [authorization.into()]).await?;
    Ok(ids.into_iter().flatten().collect())
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

/// Makes ready what waits for nothing but valid authorizations.
const ADVANCE: &str = "UPDATE acme_order SET status = 'ready' WHERE status = 'pending' \
     AND id IN (SELECT order_id FROM order_authorization WHERE authorization_id = $1) \
     AND NOT EXISTS (SELECT 1 FROM order_authorization AS held \
     JOIN \"authorization\" ON \"authorization\".id = held.authorization_id \
     WHERE held.order_id = acme_order.id AND \"authorization\".status <> 'valid')";
/// Unfinished orders that hold an authorization, in the order in which everybody locks them.
const HELD: &str = "SELECT id FROM acme_order WHERE status IN ('pending', 'ready') \
     AND id IN (SELECT order_id FROM order_authorization WHERE authorization_id = $1) ORDER BY id";
