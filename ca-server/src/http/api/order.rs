//! `/api/v1/orders`: ACME orders, for those who run the server.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use ca_acme::cursor::Cursor;
use ca_acme::order::{Order, OrderQuery, OrderStatus};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Parameters;
use super::caller::ByStaff;
use super::identifier::IdentifierEntry;
use super::page::{self, Here, Limit, Page};
use super::{Api, example, openapi};
use crate::http::problem::api::Problem;

/// Which orders.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// The ACME directory.
    #[param(example = "default")]
    directory: Option<String>,
    /// The account's id.
    account: Option<String>,
    /// Where they stand.
    #[param(inline)]
    status: Option<Status>,
    /// How many at most.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
    /// Where the page before ended.
    #[serde(default, deserialize_with = "page::parsed")]
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// Where an order stands (RFC 8555 §7.1.6).
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = OrderStatus)]
pub(super) enum Status {
    /// Waits for authorizations.
    Pending,
    /// Waits to be finalized.
    Ready,
    /// Is being signed.
    Processing,
    /// Has its certificate.
    Valid,
    /// Failed.
    Invalid,
}

/// An ACME order.
#[derive(Serialize, ToSchema)]
#[schema(as = Order)]
pub(super) struct OrderEntry {
    /// Its id.
    #[schema(example = "hT9w…")]
    id: String,
    /// The account's id.
    #[schema(example = "Zx3f…")]
    account: String,
    /// The directory.
    #[schema(example = "default")]
    directory: String,
    /// Where it stands.
    status: Status,
    /// The profile.
    #[schema(example = "tls-server")]
    profile: String,
    /// What the certificate shall hold.
    identifiers: Vec<IdentifierEntry>,
    /// Why it failed; null if it did not.
    #[schema(example = json!(null))]
    error: Option<String>,
    /// The serial of its certificate; null until it has one.
    #[schema(example = example::serial)]
    certificate: Option<String>,
    /// When it was made.
    #[schema(example = example::moment, format = DateTime)]
    created_at: String,
    /// When it ends, if not finished before.
    #[schema(example = example::moment, format = DateTime)]
    expires_at: String,
}

/// ACME orders of everybody
#[utoipa::path(
    get, path = "/orders", operation_id = "list-orders", tag = openapi::ACME, params(Wanted),
    responses((status = 200, description = "Some orders", body = Page<OrderEntry>)),
)]
pub(super) async fn list(
    _: ByStaff,
    State(api): State<Arc<Api>>,
    here: Here,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Response, Problem> {
    let list = api.parts.acme.orders(&wanted.into()).await?;
    let items: Vec<OrderEntry> = list.orders.into_iter().map(OrderEntry::from).collect();
    Ok(here.page(items, list.next))
}

impl From<Wanted> for OrderQuery {
    fn from(wanted: Wanted) -> Self {
        Self {
            directory: wanted.directory,
            account: wanted.account,
            status: wanted.status.map(OrderStatus::from),
            limit: wanted.limit.0,
            cursor: wanted.cursor,
        }
    }
}

impl From<Order> for OrderEntry {
    fn from(order: Order) -> Self {
        let identifiers = order.identifiers.iter();
        Self {
            id: order.id,
            account: order.account,
            directory: order.directory,
            status: order.status.into(),
            profile: order.profile,
            identifiers: identifiers.map(IdentifierEntry::from).collect(),
            error: order.error.map(|problem| problem.detail),
            certificate: order.certificate.map(|(_, serial)| serial.to_string()),
            created_at: order.created_at.to_string(),
            expires_at: order.expires_at.to_string(),
        }
    }
}

impl From<Status> for OrderStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Ready => Self::Ready,
            Status::Processing => Self::Processing,
            Status::Valid => Self::Valid,
            Status::Invalid => Self::Invalid,
        }
    }
}

impl From<OrderStatus> for Status {
    fn from(status: OrderStatus) -> Self {
        match status {
            OrderStatus::Pending => Self::Pending,
            OrderStatus::Ready => Self::Ready,
            OrderStatus::Processing => Self::Processing,
            OrderStatus::Valid => Self::Valid,
            OrderStatus::Invalid => Self::Invalid,
        }
    }
}
