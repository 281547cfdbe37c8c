//! Orders (RFC 8555 §7.1.3, §7.4).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use ca_acme::Acme;
use ca_acme::order::{Order, OrderStatus};
use serde::Serialize;
use serde_json::Value;

use super::authorization::Name;
use super::envelope::ByAccount;
use super::headers::retry_soon;
use crate::http::problem::{self, Refusal};

/// Answers newOrder.
pub(super) async fn place(
    State(acme): State<Arc<Acme>>,
    ByAccount(request): ByAccount,
) -> Result<Response, Refusal> {
    let placed = acme.new_order(&request).await?;
    let body = OrderObject::of(&acme, &placed.order, placed.warning);
    Ok(respond(&acme, StatusCode::CREATED, &placed.order, body))
}

/// Answers POST-as-GET.
pub(super) async fn show(
    State(acme): State<Arc<Acme>>,
    Path((_directory, id)): Path<(String, String)>,
    ByAccount(request): ByAccount,
) -> Result<Response, Refusal> {
    request.payload.require_empty()?;
    let order = acme.order(&request, &id).await?;
    let body = OrderObject::of(&acme, &order, None);
    Ok(respond(&acme, StatusCode::OK, &order, body))
}

/// Answers finalize.
pub(super) async fn finalize(
    State(acme): State<Arc<Acme>>,
    Path((_directory, id)): Path<(String, String)>,
    ByAccount(request): ByAccount,
) -> Result<Response, Refusal> {
    let order = acme.finalize(&request, &id).await?;
    let body = OrderObject::of(&acme, &order, None);
    Ok(respond(&acme, StatusCode::OK, &order, body))
}

/// Every order response says where the order is: clients lose it on the way otherwise.
fn respond(acme: &Acme, status: StatusCode, order: &Order, body: OrderObject<'_>) -> Response {
    let location = acme.urls().order(&order.directory, &order.id);
    let response = (status, [(LOCATION, location)], Json(body)).into_response();
    match order.status {
        OrderStatus::Processing => retry_soon(response),
        OrderStatus::Pending | OrderStatus::Ready | OrderStatus::Valid | OrderStatus::Invalid => {
            response
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OrderObject<'a> {
    status: &'static str,
    expires: String,
    identifiers: Vec<Name>,
    profile: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
    authorizations: Vec<String>,
    finalize: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<&'static str>,
}

impl<'a> OrderObject<'a> {
    fn of(acme: &Acme, order: &'a Order, warning: Option<&'static str>) -> Self {
        let (urls, directory) = (acme.urls(), order.directory.as_str());
        Self {
            status: status(order.status),
            expires: order.expires_at.to_string(),
            identifiers: order.identifiers.iter().map(Name::of).collect(),
            profile: &order.profile,
            not_before: order.not_before.map(|moment| moment.to_string()),
            not_after: order.not_after.map(|moment| moment.to_string()),
            replaces: order.replaces.as_deref(),
            error: order.error.as_ref().map(problem::object),
            authorizations: order
                .authorizations
                .iter()
                .map(|id| urls.authorization(directory, id))
                .collect(),
            finalize: urls.finalize(directory, &order.id),
            certificate: order
                .certificate
                .is_some()
                .then(|| urls.certificate(directory, &order.id)),
            warning,
        }
    }
}

fn status(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Pending => "pending",
        OrderStatus::Ready => "ready",
        OrderStatus::Processing => "processing",
        OrderStatus::Valid => "valid",
        OrderStatus::Invalid => "invalid",
    }
}
