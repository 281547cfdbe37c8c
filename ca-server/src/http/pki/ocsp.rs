//! `/ocsp/{issuer}` and `/ocsp/{issuer}/{base64}` (RFC 6960 appendix A, RFC 5019 §5)

use std::error::Error;

use axum::body::Bytes;
use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ca_issuance::respond::{AnswerError, OcspAnswer};
use ca_pki::ocsp::{MalformedRequest, OcspFailure, OcspRequest};

use super::served::{Served, Times};
use super::{PkiIssuer, PkiState};

/// Answers a request in the body.
pub(super) async fn posted(
    State(state): State<PkiState>,
    Path(issuer): Path<String>,
    headers: HeaderMap,
    unverified_body: Bytes,
) -> Response {
    let Some(issuer) = state.issuers.get(&issuer) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if !is_ocsp_request(&headers) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    // If-None-Match has another meaning for POST, so the answer is always whole.
    respond(
        &state,
        issuer,
        OcspRequest::parse(&unverified_body),
        &HeaderMap::new(),
    )
    .await
}

/// Answers a request in the path. Read from the path as it came: base64 holds slashes, also
/// several in a row, and a client may or may not escape them.
pub(super) async fn in_the_path(
    State(state): State<PkiState>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Response {
    let path = uri
        .path()
        .strip_prefix("/ocsp/")
        .and_then(|path| path.split_once('/'));
    let Some((issuer, request)) = path else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Some(issuer) = state.issuers.get(issuer) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    respond(
        &state,
        issuer,
        OcspRequest::from_get_path(request),
        &headers,
    )
    .await
}

/// Whatever the answer, HTTP's part went well: failures too are OCSP responses with status 200.
async fn respond(
    state: &PkiState,
    issuer: &PkiIssuer,
    request: Result<OcspRequest, MalformedRequest>,
    headers: &HeaderMap,
) -> Response {
    let answer = match request {
        Ok(request) => issuer
            .responder
            .answer(&request)
            .await
            .map_err(|error| failure(&error)),
        Err(MalformedRequest) => Err(OcspFailure::MalformedRequest),
    };
    let result = match &answer {
        Ok(_) => "answered",
        Err(OcspFailure::MalformedRequest) => "malformed",
        Err(OcspFailure::InternalError) => "internal-error",
        Err(OcspFailure::TryLater) => "try-later",
        Err(OcspFailure::Unauthorized) => "unauthorized",
    };
    metrics::counter!("ca_ocsp_requests_total", "result" => result).increment(1);
    match answer {
        Ok(OcspAnswer {
            der,
            freshness: Some(freshness),
        }) => Served {
            pieces: vec![Bytes::from_owner(der)],
            content_type: OCSP_RESPONSE,
            etag: freshness.etag.to_string(),
            times: Some(Times {
                this_update: freshness.this_update,
                next_update: freshness.next_update,
            }),
        }
        .answer(headers, state.clock.now()),
        Ok(OcspAnswer {
            der,
            freshness: None,
        }) => for_once(Bytes::from_owner(der)),
        Err(failure) => for_once(failure.to_der().into()),
    }
}

/// Serves what nobody may keep: a nonce, a serial that may be issued later, a failure.
fn for_once(der: Bytes) -> Response {
    let headers = [
        (header::CONTENT_TYPE, OCSP_RESPONSE),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, der).into_response()
}

fn failure(error: &AnswerError) -> OcspFailure {
    match error {
        AnswerError::NotOurs => {}
        AnswerError::NoIdentity | AnswerError::Ledger(_) | AnswerError::Key(_) => {
            tracing::warn!(error = error as &dyn Error, "no OCSP answer");
        }
    }
    error.failure()
}

/// Parameters are allowed, case does not matter (RFC 9110 §8.3.1).
fn is_ocsp_request(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/ocsp-request"))
}

const OCSP_RESPONSE: &str = "application/ocsp-response";
