//! Counts and times of a route's answers.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use metrics::{Counter, Histogram};

/// The meters of one route, looked up once and then kept: a look-up builds and hashes a key of
/// several texts.
#[derive(Clone, Default)]
pub(super) struct Meters {
    route: Arc<OnceLock<RouteMeters>>,
}

struct RouteMeters {
    route: String,
    seconds: Histogram,
    answers: Mutex<Vec<(u16, Counter)>>,
}

impl Meters {
    /// Counts an answer.
    pub(super) fn count(&self, listener: &'static str, route: &str, status: u16, took: Duration) {
        let kept = self.route.get_or_init(|| RouteMeters::of(listener, route));
        // What answers for unknown paths may stand behind several templates.
        if kept.route == route {
            kept.count(listener, status, took);
        } else {
            RouteMeters::of(listener, route).count(listener, status, took);
        }
    }
}

impl RouteMeters {
    fn of(listener: &'static str, route: &str) -> Self {
        let route = route.to_owned();
        let seconds = metrics::histogram!(
            "ca_http_request_seconds", "listener" => listener, "route" => route.clone()
        );
        Self {
            route,
            seconds,
            answers: Mutex::default(),
        }
    }

    fn count(&self, listener: &'static str, status: u16, took: Duration) {
        self.seconds.record(took.as_secs_f64());
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, counter)) = answers.iter().find(|(known, _)| *known == status) {
            counter.increment(1);
            return;
        }
        let counter = metrics::counter!(
            "ca_http_requests_total",
            "listener" => listener, "route" => self.route.clone(), "status" => status.to_string()
        );
        counter.increment(1);
        answers.push((status, counter));
    }
}
