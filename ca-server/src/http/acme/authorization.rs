//! Authorizations (RFC 8555 §7.1.4, §7.4.1, §7.5).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use ca_acme::Acme;
use ca_acme::authorization::{
    Authorization, AuthorizationStatus, ChallengeStatus, PreAuthorization,
};
use ca_pki::Identifier;
use serde::Serialize;

use super::challenge::ChallengeObject;
use super::envelope::ByAccount;
use super::headers::retry_soon;
use crate::http::problem::Refusal;

/// Answers newAuthz: 201, or 200 where the account has one already (RFC 8555 §7.4.1).
pub(super) async fn create(
    State(acme): State<Arc<Acme>>,
    ByAccount(request): ByAccount,
) -> Result<Response, Refusal> {
    let (status, authorization) = match acme.new_authorization(&request).await? {
        PreAuthorization::Created(authorization) => (StatusCode::CREATED, authorization),
        PreAuthorization::Existing(authorization) => (StatusCode::OK, authorization),
    };
    let location = acme
        .urls()
        .authorization(&authorization.directory, &authorization.id);
    let body = AuthorizationObject::of(&acme, &authorization);
    Ok((status, [(LOCATION, location)], Json(body)).into_response())
}

/// Answers POST-as-GET, and deactivation where there is a payload.
pub(super) async fn show_or_update(
    State(acme): State<Arc<Acme>>,
    Path((_directory, id)): Path<(String, String)>,
    ByAccount(request): ByAccount,
) -> Result<Response, Refusal> {
    let authorization = if request.payload.is_empty() {
        acme.authorization(&request, &id).await?
    } else {
        acme.update_authorization(&request, &id).await?
    };
    let response = Json(AuthorizationObject::of(&acme, &authorization)).into_response();
    if is_in_progress(&authorization) {
        return Ok(retry_soon(response));
    }
    Ok(response)
}

/// An identifier as ACME writes it.
#[derive(Serialize)]
pub(super) struct Name {
    r#type: &'static str,
    value: String,
}

impl Name {
    /// Returns the identifier's type and value.
    pub(super) fn of(identifier: &Identifier) -> Self {
        Self {
            r#type: identifier.kind(),
            value: identifier.value(),
        }
    }
}

#[derive(Serialize)]
struct AuthorizationObject {
    status: &'static str,
    expires: String,
    identifier: Name,
    challenges: Vec<ChallengeObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wildcard: Option<bool>,
}

impl AuthorizationObject {
    fn of(acme: &Acme, authorization: &Authorization) -> Self {
        Self {
            status: status(authorization.status),
            expires: authorization.expires_at.to_string(),
            identifier: Name::of(&authorization.identifier),
            challenges: authorization
                .challenges
                .iter()
                .map(|challenge| ChallengeObject::of(acme, authorization, challenge))
                .collect(),
            // Never false: it is there for wildcards only (RFC 8555 §7.1.4).
            wildcard: authorization.wildcard.then_some(true),
        }
    }
}

fn is_in_progress(authorization: &Authorization) -> bool {
    authorization.status == AuthorizationStatus::Pending
        && authorization
            .challenges
            .iter()
            .any(|challenge| challenge.status == ChallengeStatus::Processing)
}

fn status(status: AuthorizationStatus) -> &'static str {
    match status {
        AuthorizationStatus::Pending => "pending",
        AuthorizationStatus::Valid => "valid",
        AuthorizationStatus::Invalid => "invalid",
        AuthorizationStatus::Deactivated => "deactivated",
        AuthorizationStatus::Expired => "expired",
        AuthorizationStatus::Revoked => "revoked",
    }
}
