//! What every ACME response carries, errors included.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{OriginalUri, Request, State};
use axum::http::header::{CACHE_CONTROL, LINK, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ca_acme::{Acme, Error, Problem, ProblemKind};

use crate::http::layers::{self, Unanswered};
use crate::http::limits::{RequestLimits, TooMany};
use crate::http::problem::Refusal;

/// Adds a fresh nonce to what POST is answered with (RFC 8555 §6.5) and a link to the directory
/// to everything but the directory (RFC 8555 §7.1).
pub(super) async fn add(
    State((acme, limits)): State<(Arc<Acme>, Arc<RequestLimits>)>,
    OriginalUri(uri): OriginalUri,
    request: Request,
    next: Next,
) -> Response {
    let wants_nonce = request.method() == Method::POST;
    // No path of ours is percent-encoded: such a path names nothing, and never reaches a handler.
    let mut response = if let Err(too_many) = limits.count(&request) {
        layers::turn_away(request).await;
        Refusal::from(Problem::from(too_many)).into_response()
    } else if uri.path().contains('%') {
        super::missing().await.into_response()
    } else {
        answer(request, next).await
    };
    if wants_nonce && let Err(error) = add_nonce(&acme, &mut response) {
        return Refusal::from(error).into_response();
    }
    if let Some(link) = index_link(&acme, uri.path()) {
        response.headers_mut().append(LINK, link);
    }
    response
}

impl From<TooMany> for Problem {
    fn from(too_many: TooMany) -> Self {
        let detail = "too many requests from this address";
        Self::new(ProblemKind::RateLimited, detail).retry_after(too_many.wait)
    }
}

/// Runs the handler. What it does not answer is a problem document with its nonce like any other.
async fn answer(request: Request, next: Next) -> Response {
    match layers::answer(request, next).await {
        Ok(response) => response,
        Err(Unanswered::Panicked) => {
            let detail = "the server failed; its log says how";
            Refusal::from(Problem::new(ProblemKind::ServerInternal, detail)).into_response()
        }
        Err(Unanswered::TookTooLong) => {
            let detail = "the server took too long; what it had begun goes on: ask again";
            let slow = Problem::new(ProblemKind::ServerInternal, detail)
                .with_status(503)
                .retry_after(Duration::from_secs(3));
            Refusal::from(slow).into_response()
        }
    }
}

/// Puts a fresh nonce into a response, which then must not be cached.
pub(super) fn add_nonce(acme: &Acme, response: &mut Response) -> Result<(), Error> {
    let nonce = acme.fresh_nonce()?;
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&nonce) {
        headers.insert(REPLAY_NONCE, value);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(())
}

/// Returns a `Link` header's value.
pub(super) fn link(url: &str, relation: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("<{url}>;rel=\"{relation}\"")).ok()
}

/// Tells the client to look again in a second; in seconds, since several clients read no dates.
pub(super) fn retry_soon(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// Returns the name in `/acme/{directory}/…`.
pub(super) fn directory_in(path: &str) -> &str {
    path.split('/').nth(2).unwrap_or_default()
}

fn index_link(acme: &Acme, path: &str) -> Option<HeaderValue> {
    let directory = acme.directory(directory_in(path)).ok()?;
    if path.split('/').nth(3) == Some("directory") {
        return None;
    }
    link(&acme.urls().directory(&directory.name), "index")
}

const REPLAY_NONCE: HeaderName = HeaderName::from_static("replay-nonce");
