//! What every request passes through: an id, a span, bounds, and a net under panics.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::header::EXPECT;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tokio::time::timeout;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tracing::Instrument;

use crate::http::body;

/// Wraps a listener's routes. Bodies are bounded by the routes that read them.
pub(crate) fn around(router: Router, listener: &'static str) -> Router {
    router
        .layer(CatchPanicLayer::custom(after_panic))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            WHOLE_REQUEST,
        ))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .layer(middleware::from_fn(move |request, next| {
            observe(listener, request, next)
        }))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
}

/// Opens a span and counts. The route's template is the label, never the path itself.
async fn observe(listener: &'static str, request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let id = request
        .headers()
        .get(&REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .unwrap_or_default()
        .chars()
        .take(LONGEST_REQUEST_ID)
        .collect::<String>();
    let method = request.method().clone();
    let span = tracing::info_span!("request", listener, %method, route, id);
    let begun = std::time::Instant::now();

    let response = next.run(request).instrument(span.clone()).await;

    let took = begun.elapsed();
    let status = response.status().as_u16();
    span.in_scope(|| {
        tracing::info!(
            status,
            took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "answered"
        );
    });
    metrics::counter!(
        "ca_http_requests_total",
        "listener" => listener, "route" => route.clone(), "status" => status.to_string()
    )
    .increment(1);
    metrics::histogram!("ca_http_request_seconds", "listener" => listener, "route" => route)
        .record(took.as_secs_f64());
    response
}

/// Why a handler gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// It panicked; the log has the text.
    Panicked,
    /// It took too long; what it began on the task tracker goes on.
    TookTooLong,
}

/// Runs the handler within a bound below the listener's own, so that its door can say in its own
/// words that there is no answer.
pub(crate) async fn answer(request: Request, next: Next) -> Result<Response, Unanswered> {
    // Whoever waits for permission to send a body is told before anything is sent.
    if request.headers().contains_key(EXPECT) {
        return run(request, next).await;
    }
    let (request, rest) = body::keep_rest(request);
    let answer = run(request, next).await;
    rest.drain().await;
    answer
}

/// Lets a request be answered that no handler saw, when its client has sent all of it.
pub(crate) async fn turn_away(request: Request) {
    if !request.headers().contains_key(EXPECT) {
        let (request, rest) = body::keep_rest(request);
        drop(request);
        rest.drain().await;
    }
}

async fn run(request: Request, next: Next) -> Result<Response, Unanswered> {
    let handled = AssertUnwindSafe(next.run(request)).catch_unwind();
    match timeout(PATIENCE, handled).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(panic)) => {
            log_panic(panic.as_ref());
            Err(Unanswered::Panicked)
        }
        Err(_elapsed) => Err(Unanswered::TookTooLong),
    }
}

/// A panic is a bug: logged with its text, answered without it.
fn after_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    log_panic(panic.as_ref());
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// Logs what a handler panicked with.
fn log_panic(panic: &(dyn Any + Send)) {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no text");
    tracing::error!(panic = text, "a handler panicked");
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST_REQUEST_ID: usize = 64;

/// Bounds a request from its first byte to the last byte of its body, however it drips.
const WHOLE_REQUEST: Duration = Duration::from_secs(30);
/// Within [`WHOLE_REQUEST`].
const PATIENCE: Duration = Duration::from_secs(25);
