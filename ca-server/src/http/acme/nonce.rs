//! newNonce (RFC 8555 §7.2).

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ca_acme::{Acme, Error};

use super::envelope::ByAccount;
use super::headers::add_nonce;
use crate::http::problem::Refusal;

/// Answers HEAD, which most clients use, with 200.
pub(super) async fn head(
    State(acme): State<Arc<Acme>>,
    Path(directory): Path<String>,
) -> Result<Response, Refusal> {
    Ok(with_nonce(&acme, &directory, StatusCode::OK)?)
}

/// Answers GET with 204.
pub(super) async fn get(
    State(acme): State<Arc<Acme>>,
    Path(directory): Path<String>,
) -> Result<Response, Refusal> {
    Ok(with_nonce(&acme, &directory, StatusCode::NO_CONTENT)?)
}

/// Answers POST-as-GET; the nonce comes as with every POST (RFC 8555 §6.3).
pub(super) async fn post(ByAccount(request): ByAccount) -> Result<StatusCode, Refusal> {
    request.payload.require_empty()?;
    Ok(StatusCode::NO_CONTENT)
}

fn with_nonce(acme: &Acme, directory: &str, status: StatusCode) -> Result<Response, Error> {
    acme.directory(directory)?;
    let mut response = status.into_response();
    add_nonce(acme, &mut response)?;
    Ok(response)
}
