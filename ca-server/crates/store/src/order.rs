//! Orders.

mod change;
mod find;
mod follow;
mod list;

pub(crate) use change::{Fail, Place};
pub(crate) use find::{PageRequest, by_id, count_unfinished, page};
pub(crate) use follow::{advance, begin_issuing, fail_holders, fail_unfinished_of, finish, resume};
pub(crate) use list::page as list;

use ca_acme::order::{Order, OrderStatus};
use ca_pki::Timestamp;

use crate::entity::order::Model;
use crate::row::{self, json, moment, named, unjson};
use crate::{Error, identifier, problem};

/// Reads a row; an order whose end has passed before it was `processing` is `Invalid`.
///
/// A `processing` one is not: its signature may be under way, and whoever records the result or
/// burns the serial settles what becomes of it.
fn from_row(row: Model, now: Timestamp) -> Result<Order, Error> {
    let stored = named("order.status", STATUSES, &row.status)?;
    let expires_at = Timestamp::from_unix_secs(row.expires_at);
    let status = match stored {
        OrderStatus::Pending | OrderStatus::Ready if expires_at <= now => OrderStatus::Invalid,
        OrderStatus::Pending
        | OrderStatus::Ready
        | OrderStatus::Processing
        | OrderStatus::Valid
        | OrderStatus::Invalid => stored,
    };
    let certificate = match (status, row.issuer, row.serial) {
        (OrderStatus::Valid, Some(issuer), Some(serial)) => Some((issuer, row::serial(&serial)?)),
        (OrderStatus::Valid, _, _) => {
            let text = format!("order {} is valid and names no certificate", row.id);
            return Err(Error::Corrupt(text));
        }
        (
            OrderStatus::Pending
            | OrderStatus::Ready
            | OrderStatus::Processing
            | OrderStatus::Invalid,
            _,
            _,
        ) => None,
    };
    Ok(Order {
        identifiers: identifier::from_json(&row.identifiers)?,
        authorizations: unjson("order.authorizations", &row.authorizations)?,
        error: row.error.as_deref().map(problem::from_json).transpose()?,
        id: row.id,
        account: row.account,
        directory: row.directory,
        status,
        expires_at,
        profile: row.profile,
        not_before: moment(row.not_before),
        not_after: moment(row.not_after),
        replaces: row.replaces,
        certificate,
        created_at: Timestamp::from_unix_secs(row.created_at),
    })
}

/// Lays out a new order, which has no certificate.
fn to_row(order: &Order) -> Result<Model, Error> {
    Ok(Model {
        id: order.id.clone(),
        account: order.account.clone(),
        directory: order.directory.clone(),
        status: status_name(order.status).to_owned(),
        expires_at: order.expires_at.unix_secs(),
        identifiers: identifier::to_json(&order.identifiers)?,
        authorizations: json(&order.authorizations)?,
        profile: order.profile.clone(),
        not_before: order.not_before.map(Timestamp::unix_secs),
        not_after: order.not_after.map(Timestamp::unix_secs),
        replaces: order.replaces.clone(),
        error: order.error.as_ref().map(problem::to_json).transpose()?,
        issuer: None,
        serial: None,
        created_at: order.created_at.unix_secs(),
    })
}

fn status_name(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Pending => "pending",
        OrderStatus::Ready => "ready",
        OrderStatus::Processing => "processing",
        OrderStatus::Valid => "valid",
        OrderStatus::Invalid => "invalid",
    }
}

const STATUSES: &[(OrderStatus, &str)] = &[
    (OrderStatus::Pending, "pending"),
    (OrderStatus::Ready, "ready"),
    (OrderStatus::Processing, "processing"),
    (OrderStatus::Valid, "valid"),
    (OrderStatus::Invalid, "invalid"),
];
