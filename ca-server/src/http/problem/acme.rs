//! Problems of the ACME door (RFC 8555 §6.7).

use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, LINK, LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ca_acme::{Error, Problem, ProblemKind, StoreError};
use ca_issuance::IssuanceError;
use serde_json::{Map, Value, json};

use super::{MEDIA_TYPE, causes, whole_secs};

/// An operation's error on its way to the client.
#[derive(Debug)]
pub(crate) struct Refusal(Error);

impl<E: Into<Error>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        respond(&published(self.0))
    }
}

/// Returns a problem as it stands in bodies, orders and challenges (RFC 8555 §7.1).
pub(crate) fn object(problem: &Problem) -> Value {
    let mut object = Map::new();
    let kind = format!("urn:ietf:params:acme:error:{}", problem.kind.name());
    object.insert("type".to_owned(), json!(kind));
    object.insert("status".to_owned(), json!(problem.status));
    object.insert("detail".to_owned(), json!(problem.detail));
    if let Some(identifier) = &problem.identifier {
        let identifier = json!({ "type": identifier.kind(), "value": identifier.value() });
        object.insert("identifier".to_owned(), identifier);
    }
    if let Some(terms) = &problem.terms_of_service {
        object.insert("instance".to_owned(), json!(terms));
    }
    if !problem.subproblems.is_empty() {
        let subproblems = problem.subproblems.iter().map(self::object).collect();
        object.insert("subproblems".to_owned(), subproblems);
    }
    if !problem.algorithms.is_empty() {
        object.insert("algorithms".to_owned(), json!(problem.algorithms));
    }
    Value::Object(object)
}

/// Picks what the client may know; the rest goes to the log, here and nowhere else.
fn published(error: Error) -> Problem {
    match error {
        Error::Refused(problem) => *problem,
        Error::Store(StoreError::Conflict)
        | Error::Issuance(IssuanceError::Conflict | IssuanceError::Duplicate) => {
            Problem::malformed("the resource changed meanwhile: read it again").with_status(409)
        }
        Error::Store(StoreError::Unavailable { retry_after, .. })
        | Error::Issuance(IssuanceError::Busy { retry_after, .. }) => {
            tracing::warn!(cause = causes(&error), "answering 503");
            unavailable(retry_after)
        }
        Error::Issuance(IssuanceError::Refused(violations)) => {
            let details: Vec<&str> = violations.iter().map(|one| one.detail.as_str()).collect();
            Problem::malformed(details.join("; "))
        }
        Error::Store(StoreError::Corrupt(_))
        | Error::Issuance(IssuanceError::Failed(_))
        | Error::Entropy(_)
        | Error::Inconsistent(_) => {
            tracing::error!(cause = causes(&error), "answering 500");
            let detail = "the server failed; its log says why";
            Problem::new(ProblemKind::ServerInternal, detail)
        }
    }
}

fn unavailable(retry_after: Duration) -> Problem {
    let detail = "the server is busy: ask again later";
    Problem::new(ProblemKind::ServerInternal, detail)
        .with_status(503)
        .retry_after(retry_after)
}

fn respond(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, object(problem).to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    if let Some(span) = problem.retry_after {
        headers.insert(RETRY_AFTER, whole_secs(span));
    }
    if let Some(Ok(location)) = problem.location.as_deref().map(HeaderValue::from_str) {
        headers.insert(LOCATION, location);
    }
    if let Some(terms) = &problem.terms_of_service
        && let Ok(link) = HeaderValue::from_str(&format!("<{terms}>;rel=\"terms-of-service\""))
    {
        headers.append(LINK, link);
    }
    response
}
