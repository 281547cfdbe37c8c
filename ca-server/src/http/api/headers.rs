//! What every API response carries, errors included.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::rates::Meter;
use crate::http::layers::{self, Unanswered};
use crate::http::limits::RequestLimits;
use crate::http::problem::api::{Kind, Problem};

/// Answers whatever happens, keeps answers out of caches, and shows what is left of the caller's
/// rate once a handler knows who calls.
pub(super) async fn add(
    State(limits): State<Arc<RequestLimits>>,
    mut request: Request,
    next: Next,
) -> Response {
    let meter = Meter::default();
    request.extensions_mut().insert(meter.clone());
    // No path of ours is percent-encoded: such a path names nothing, and never reaches a handler.
    let mut response = if let Err(too_many) = limits.count(&request) {
        meter.note(too_many);
        layers::turn_away(request).await;
        let detail = "too many requests from this address";
        Problem::rate_limited(detail, too_many.wait).into_response()
    } else if request.uri().path().contains('%') {
        Problem::not_found().into_response()
    } else {
        let answer = layers::answer(request, next).await;
        answer.unwrap_or_else(|unanswered| Problem::from(unanswered).into_response())
    };
    let headers = response.headers_mut();
    meter.show(headers);
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

impl From<Unanswered> for Problem {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Panicked => Self::new(Kind::Failed, "the server failed; its log says how"),
            Unanswered::TookTooLong => Self::too_long(AFTER_TOO_LONG),
        }
    }
}

const AFTER_TOO_LONG: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;
    use crate::config::LimitsSection;

    #[tokio::test]
    async fn a_handler_that_panics_is_a_problem_like_any_other() {
        let handler = || async { assert!(std::hint::black_box(false), "on purpose") };
        let limits = Arc::new(RequestLimits::new(&LimitsSection::default()));
        let router = Router::new().route("/", get(handler));
        let router = router.layer(from_fn_with_state(limits, add));

        let answer = router.oneshot(Request::new(Body::empty())).await.unwrap();

        assert_eq!(answer.status(), 500);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
    }
}
