//! Challenges (RFC 8555 §7.1.5, §7.5.1).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::LINK;
use axum::response::{IntoResponse, Response};
use ca_acme::authorization::{Authorization, Challenge, ChallengeKind, ChallengeStatus};
use ca_acme::{Acme, Problem};
use serde::Serialize;
use serde_json::Value;

use super::envelope::ByAccount;
use super::headers::{link, retry_soon};
use crate::http::problem::{self, Refusal};

/// Answers POST-as-GET and a client's word that it is ready.
pub(super) async fn show_or_answer(
    State(acme): State<Arc<Acme>>,
    Path((_directory, authorization, kind)): Path<(String, String, String)>,
    ByAccount(request): ByAccount,
) -> Result<Response, Refusal> {
    let kind = ChallengeKind::parse(&kind)
        .ok_or_else(|| Problem::malformed("there is no such challenge").with_status(404))?;
    let seen = acme.challenge(&request, &authorization, kind).await?;

    let body = ChallengeObject::of(&acme, &seen.authorization, &seen.challenge);
    let mut response = Json(body).into_response();
    let (directory, id) = (&seen.authorization.directory, &seen.authorization.id);
    if let Some(up) = link(&acme.urls().authorization(directory, id), "up") {
        response.headers_mut().append(LINK, up);
    }
    match seen.challenge.status {
        ChallengeStatus::Processing => Ok(retry_soon(response)),
        ChallengeStatus::Pending | ChallengeStatus::Valid | ChallengeStatus::Invalid => {
            Ok(response)
        }
    }
}

/// A challenge as ACME writes it.
#[derive(Serialize)]
pub(super) struct ChallengeObject {
    r#type: &'static str,
    url: String,
    status: &'static str,
    token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    validated: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
}

impl ChallengeObject {
    /// Returns the object of one challenge.
    pub(super) fn of(acme: &Acme, authorization: &Authorization, challenge: &Challenge) -> Self {
        Self {
            r#type: challenge.kind.name(),
            url: acme
                .urls()
                .challenge(&authorization.directory, &authorization.id, challenge.kind),
            status: status(challenge.status),
            token: challenge.token.clone(),
            validated: challenge.validated_at.map(|moment| moment.to_string()),
            error: challenge.error.as_ref().map(problem::object),
        }
    }
}

fn status(status: ChallengeStatus) -> &'static str {
    match status {
        ChallengeStatus::Pending => "pending",
        ChallengeStatus::Processing => "processing",
        ChallengeStatus::Valid => "valid",
        ChallengeStatus::Invalid => "invalid",
    }
}
