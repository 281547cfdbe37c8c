//! What every request passes through: an id, a span, bounds, and a net under panics.
//!
//! One service does all of it, around each route: a tower of a service for each would cost an
//! allocation and several copies of the request for each of them.

mod meters;
mod request_id;

use std::any::Any;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::header::{EXPECT, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::timeout;
use tower::{Service, layer};
use tracing::Instrument;

use self::meters::Meters;
use self::request_id::RequestIds;
use crate::http::body;
use crate::http::presence::Presence;
use crate::panic;

/// Wraps a listener's routes. Bodies are bounded by the routes that read them.
pub(crate) fn around(router: Router, listener: &'static str) -> Router {
    let ids = RequestIds::new();
    router.layer(layer::layer_fn(move |inner| Around {
        inner,
        listener,
        ids: ids.clone(),
        meters: Meters::default(),
    }))
}

/// Everything around one route.
#[derive(Clone)]
struct Around<S> {
    inner: S,
    listener: &'static str,
    ids: RequestIds,
    meters: Meters,
}

impl<S> Service<Request> for Around<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    /// Opens a span, has the request answered, counts. The route's template is the label, never
    /// the path itself.
    fn call(&mut self, mut request: Request) -> Self::Future {
        let begun = Instant::now();
        let id = self.ids.of(&mut request);
        let route = request.extensions().get::<MatchedPath>().cloned();
        let name = route_name(route.as_ref());
        let listener = self.listener;
        let span = tracing::info_span!(
            "request",
            listener,
            method = %request.method(),
            route = name,
            id = request_id::logged(&id),
        );
        let handled = catch_unwind(AssertUnwindSafe(|| self.inner.call(request)));
        let meters = self.meters.clone();

        let answered = async move {
            let mut response = match handled {
                Ok(handled) => within_bounds(handled).await,
                Err(panic) => after_panic(panic.as_ref()),
            };
            let took = begun.elapsed();
            let status = response.status().as_u16();
            tracing::info!(
                status,
                took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                "answered"
            );
            meters.count(listener, route_name(route.as_ref()), status, took);
            let headers = response.headers_mut();
            headers.insert(request_id::HEADER, id);
            headers
                .entry(X_CONTENT_TYPE_OPTIONS)
                .or_insert(HeaderValue::from_static("nosniff"));
            Ok(response)
        };
        answered.instrument(span).boxed()
    }
}

fn route_name(route: Option<&MatchedPath>) -> &str {
    route.map_or("none", MatchedPath::as_str)
}

/// Waits for a handler, for so long and no longer, whatever becomes of it.
async fn within_bounds(handled: impl Future<Output = Result<Response, Infallible>>) -> Response {
    let handled = AssertUnwindSafe(handled).catch_unwind();
    match timeout(WHOLE_REQUEST, handled).await {
        Ok(Ok(Ok(response))) => response,
        Ok(Err(panic)) => after_panic(panic.as_ref()),
        Err(_elapsed) => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
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
    let presence = request.extensions().get::<Presence>().cloned();
    let handled = AssertUnwindSafe(next.run(request)).catch_unwind();
    let handled = tokio::select! {
        biased;
        handled = timeout(PATIENCE, handled) => handled,
        () = cut_off(presence) => {
            tracing::warn!(cause = "the database does not answer", "answering 503");
            return Err(Unanswered::TookTooLong);
        }
    };
    match handled {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(panic)) => {
            log_panic(panic.as_ref());
            Err(Unanswered::Panicked)
        }
        Err(_elapsed) => {
            tracing::warn!(cause = "the request took too long", "answering 503");
            Err(Unanswered::TookTooLong)
        }
    }
}

/// Waits until the database is out of reach; without end where that cannot be known.
async fn cut_off(presence: Option<Presence>) {
    match presence {
        Some(presence) => presence.until_cut_off().await,
        None => std::future::pending().await,
    }
}

/// A panic is a bug: logged with its text, answered without it.
fn after_panic(panic: &(dyn Any + Send)) -> Response {
    log_panic(panic);
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// Logs what a handler panicked with.
fn log_panic(panic: &(dyn Any + Send)) {
    tracing::error!(panic = panic::text(panic), "a handler panicked");
}

/// Bounds a request from its first byte to the last byte of its body, however it drips.
const WHOLE_REQUEST: Duration = Duration::from_secs(30);
/// Within [`WHOLE_REQUEST`].
const PATIENCE: Duration = Duration::from_secs(25);

#[cfg(test)]
mod tests;
