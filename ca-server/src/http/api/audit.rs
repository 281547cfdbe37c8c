//! `/api/v1/audit`: what happened, for auditors.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use ca_issuance::audit::query::{EventCursor, EventOrder, EventQuery, KindFilter, RecordedEvent};
use ca_pki::{Timestamp, hex};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::body::Parameters;
use super::caller::ByAuditor;
use super::page::{self, Here, Limit, Page};
use super::{Api, example, openapi};
use crate::http::problem::api::Problem;

/// Which events.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// A kind, or with a dot at its end a family of kinds: `certificate.`.
    #[param(example = "certificate.issued")]
    kind: Option<String>,
    /// Who, also where it acted through something.
    #[param(example = "client:deployer")]
    actor: Option<String>,
    /// To what: a serial, an order, an account.
    subject: Option<String>,
    /// At this moment or later.
    #[serde(default, deserialize_with = "page::moment")]
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Before this moment.
    #[serde(default, deserialize_with = "page::moment")]
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Which way to read.
    #[serde(default)]
    #[param(inline)]
    order: Order,
    /// How many at most.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
    /// Where the page before ended.
    #[serde(default, deserialize_with = "page::parsed")]
    #[param(value_type = Option<String>)]
    cursor: Option<EventCursor>,
}

/// Which way to read.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Order {
    /// Newest first.
    #[default]
    Newest,
    /// Oldest first.
    Oldest,
}

/// Something that happened.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(super) struct EventEntry {
    /// Its number in the order of writing.
    #[schema(example = 4711)]
    sequence: u64,
    /// Its place in the chain; null until it is sealed.
    #[schema(example = 4700)]
    position: Option<u64>,
    /// Its link in the chain; null until it is sealed.
    #[schema(example = example::fingerprint)]
    hash: Option<String>,
    /// When.
    #[schema(example = example::moment, format = DateTime)]
    at: String,
    /// What.
    #[schema(example = "certificate.issued")]
    kind: String,
    /// By whom.
    #[schema(example = "client:deployer")]
    actor: String,
    /// To what.
    #[schema(example = example::serial)]
    subject: String,
    /// The rest, as it was written.
    #[schema(value_type = Object)]
    details: Box<RawValue>,
}

/// What happened
///
/// Events are read in the order of their moments; those of one second in the order of writing.
#[utoipa::path(
    get, path = "/audit", operation_id = "list-events", tag = openapi::AUDIT, params(Wanted),
    responses((status = 200, description = "Some events", body = Page<EventEntry>)),
)]
pub(super) async fn list(
    _: ByAuditor,
    State(api): State<Arc<Api>>,
    here: Here,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Response, Problem> {
    let query = EventQuery::from(wanted);
    let page = api.parts.corridor.ledger().events(&query).await?;
    let items: Vec<EventEntry> = page.events.into_iter().map(EventEntry::from).collect();
    Ok(here.page(items, page.next))
}

impl From<Wanted> for EventQuery {
    fn from(wanted: Wanted) -> Self {
        Self {
            kind: wanted.kind.as_deref().map(KindFilter::parse),
            actor: wanted.actor,
            subject: wanted.subject,
            since: wanted.since,
            until: wanted.until,
            order: match wanted.order {
                Order::Newest => EventOrder::NewestFirst,
                Order::Oldest => EventOrder::OldestFirst,
            },
            cursor: wanted.cursor,
            limit: wanted.limit.0,
        }
    }
}

impl From<RecordedEvent> for EventEntry {
    fn from(event: RecordedEvent) -> Self {
        Self {
            sequence: event.sequence,
            position: event.position,
            hash: event.hash.map(|link| hex::lower(&link)),
            at: event.at.to_string(),
            kind: event.kind,
            actor: event.actor,
            subject: event.subject,
            details: event.details,
        }
    }
}
