//! Ids of requests: the client's own, or one that is unique among ours.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};

/// Tells requests apart: for people who look for one in the log, not a secret.
#[derive(Clone, Debug)]
pub(super) struct RequestIds {
    /// Sets this listener's run apart from other ones and other servers.
    run: u64,
    drawn: Arc<AtomicU64>,
}

impl RequestIds {
    /// Begins a run.
    pub(super) fn new() -> Self {
        Self {
            run: RandomState::new().hash_one(std::process::id()),
            drawn: Arc::default(),
        }
    }

    /// Returns a request's id; one that has none gets one.
    pub(super) fn of(&self, request: &mut Request) -> HeaderValue {
        if let Some(id) = request.headers().get(&HEADER) {
            return id.clone();
        }
        let number = self.drawn.fetch_add(1, Ordering::Relaxed);
        let text = format!("{:016x}-{number:x}", self.run);
        let id = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("none"));
        request.headers_mut().insert(HEADER, id.clone());
        id
    }
}

/// Cuts an id, which a client may have chosen, for the log.
pub(super) fn logged(id: &HeaderValue) -> &str {
    let id = id.to_str().unwrap_or_default();
    id.get(..LONGEST_LOGGED).unwrap_or(id)
}

/// Where it stands, in requests and answers.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// A header value that reads as text is ASCII, so that this cuts no character.
const LONGEST_LOGGED: usize = 64;
