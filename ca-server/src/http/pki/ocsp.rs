//! `/ocsp/{issuer}` and `/ocsp/{issuer}/{base64}` (RFC 6960 appendix A, RFC 5019 §5)

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ca_issuance::respond::{AnswerError, Freshness, OcspAnswer};
use ca_pki::Timestamp;
use ca_pki::ocsp::{MalformedRequest, OcspFailure, OcspRequest};
use tokio::time::timeout;

use super::served::{Content, Prepared, Served, Times};
use super::{PkiIssuer, PkiState};

/// Answers a request in the body.
pub(super) async fn posted(
    State(state): State<PkiState>,
    Path(issuer): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(issuer) = state.issuers.get(&issuer) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if !is_ocsp_request(&headers) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let unverified_body = match read(body, BODY_DEADLINE).await {
        Ok(octets) => octets,
        Err(status) => return status.into_response(),
    };
    // If-None-Match has another meaning for POST, so the answer is always whole.
    respond(
        &state,
        issuer,
        OcspRequest::parse(&unverified_body),
        &HeaderMap::new(),
    )
    .await
}

/// Reads a body that must fit and must come within the deadline.
async fn read(body: Body, deadline: Duration) -> Result<Bytes, StatusCode> {
    timeout(deadline, to_bytes(body, OcspRequest::MAX_BYTES))
        .await
        .map_err(|_elapsed| StatusCode::REQUEST_TIMEOUT)?
        .map_err(|_too_large| StatusCode::PAYLOAD_TOO_LARGE)
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
        Ok(request) => match timeout(ANSWER_DEADLINE, issuer.responder.answer(&request)).await {
            Ok(answer) => answer.map_err(|error| failure(&error)),
            Err(_elapsed) => Err(OcspFailure::TryLater),
        },
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
        Ok(answer) => rendered(answer, headers, state.clock.now()),
        Err(failure) => for_once(failure.to_der().into()),
    }
}

/// Serves a signed answer.
pub(super) fn rendered(answer: OcspAnswer, asked: &HeaderMap, now: Timestamp) -> Response {
    let der = Bytes::from_owner(answer.der);
    let Some(freshness) = answer.freshness else {
        return for_once(der);
    };
    Served {
        body: Content::Whole(der),
        content_type: OCSP_RESPONSE,
        etag: Arc::clone(&freshness.etag),
        times: Some(times(&freshness)),
    }
    .answer(asked, now)
}

/// Serves a signed answer that is kept, to somebody who has none.
pub(super) fn prepared(answer: &OcspAnswer, now: Timestamp) -> Option<Response> {
    let freshness = answer.freshness.as_ref()?;
    let prepared = answer.rendition.get_or_make(|| {
        let der = Bytes::from_owner(Arc::clone(&answer.der));
        Prepared::new(der, OCSP_RESPONSE, &freshness.etag, times(freshness))
    });
    Some(prepared?.as_ref()?.answer(now))
}

fn times(freshness: &Freshness) -> Times {
    Times {
        this_update: freshness.this_update,
        next_update: freshness.next_update,
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
pub(super) fn is_ocsp_request(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/ocsp-request"))
}

const OCSP_RESPONSE: &str = "application/ocsp-response";

/// A store that is cut off says nothing: who asks for a status is told to come back in time to
/// ask somebody else.
const ANSWER_DEADLINE: Duration = Duration::from_secs(3);

/// A request is a packet or two.
pub(super) const BODY_DEADLINE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{StreamExt, stream};

    use super::*;

    #[tokio::test]
    async fn gives_up_on_bodies_that_stall_or_do_not_fit() {
        let some = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"0"))]);
        let stalled = Body::from_stream(some.chain(stream::pending()));
        let large = Body::from(vec![0; OcspRequest::MAX_BYTES + 1]);
        let whole = Body::from(vec![0; OcspRequest::MAX_BYTES]);

        let stalled = read(stalled, Duration::ZERO).await;
        let large = read(large, BODY_DEADLINE).await;
        let whole = read(whole, BODY_DEADLINE).await.map(|octets| octets.len());

        assert_eq!(stalled, Err(StatusCode::REQUEST_TIMEOUT));
        assert_eq!(large, Err(StatusCode::PAYLOAD_TOO_LARGE));
        assert_eq!(whole, Ok(OcspRequest::MAX_BYTES));
    }
}
