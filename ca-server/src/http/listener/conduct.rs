//! What a client does with an HTTP/2 connection: whoever leaves answers unread, or asks nothing
//! and keeps the line busy with pings, holds memory and a place that others need.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use tokio::time::interval;

use crate::http::body::watched;

/// Counts a connection's requests until their answers are sent.
#[derive(Clone, Debug)]
pub(super) struct Conduct(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    unanswered: usize,
    moved_at: Instant,
}

/// A request whose answer is not sent yet.
#[derive(Debug)]
pub(super) struct Unanswered(Conduct);

/// What is wrong with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Answers wait and none of them gets away.
    Unread,
    /// Nothing is asked.
    Unused,
}

impl Conduct {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            unanswered: 0,
            moved_at: Instant::now(),
        })))
    }

    /// Notes a request.
    pub(super) fn begin(&self) -> Unanswered {
        self.change(Instant::now(), |count| count + 1);
        Unanswered(self.clone())
    }

    /// Waits until there is something wrong, for ever if need be.
    pub(super) async fn fault(&self, patience: Duration) -> Fault {
        let mut ticks = interval(patience / 4);
        loop {
            ticks.tick().await;
            if let Some(fault) = self.judge(Instant::now(), patience) {
                return fault;
            }
        }
    }

    fn judge(&self, now: Instant, patience: Duration) -> Option<Fault> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let still = now.saturating_duration_since(state.moved_at);
        if state.unanswered > 0 {
            return (still >= patience).then_some(Fault::Unread);
        }
        (still >= patience * UNUSED).then_some(Fault::Unused)
    }

    /// A request that begins moves the clock only where none was waiting: else a client could ask
    /// on and on and read nothing.
    fn change(&self, now: Instant, next: impl FnOnce(usize) -> usize) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.unanswered;
        state.unanswered = next(before);
        if before == 0 || state.unanswered < before {
            state.moved_at = now;
        }
    }
}

impl Unanswered {
    /// Makes the request's answer end it: sent or given up. Nobody takes a body while its stream
    /// has no window.
    pub(super) fn until_sent(self, body: Body) -> Body {
        watched(body, move |_sent| drop(self))
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        let now = Instant::now();
        self.0.change(now, |count| count.saturating_sub(1));
    }
}

/// An unused connection is left for so many times as long as an unread one.
const UNUSED: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// Returns the verdict `secs` after the start, when at each of these seconds the number of
    /// requests without an answer had become another.
    fn verdict(changes: &[(u64, usize)], secs: u64) -> Option<Fault> {
        let begun = Instant::now();
        let conduct = Conduct::new();
        for (at, count) in changes {
            conduct.change(begun + Duration::from_secs(*at), |_| *count);
        }
        // The connection itself began a moment after this test.
        let now = begun + Duration::from_secs(secs) + Duration::from_millis(500);
        conduct.judge(now, PATIENCE)
    }

    #[test]
    fn finds_answers_that_nobody_reads_however_much_more_is_asked() {
        assert_eq!(verdict(&[(10, 1)], 69), None);
        assert_eq!(verdict(&[(10, 1)], 70), Some(Fault::Unread));
        assert_eq!(
            verdict(&[(10, 1), (30, 2), (60, 3)], 70),
            Some(Fault::Unread)
        );
    }

    #[test]
    fn leaves_alone_whoever_reads_slowly() {
        assert_eq!(verdict(&[(10, 3), (60, 2), (110, 1)], 169), None);
    }

    #[test]
    fn finds_connections_on_which_nothing_is_asked() {
        assert_eq!(verdict(&[], 299), None);
        assert_eq!(verdict(&[], 300), Some(Fault::Unused));
        assert_eq!(verdict(&[(100, 1), (110, 0)], 409), None);
        assert_eq!(verdict(&[(100, 1), (110, 0)], 410), Some(Fault::Unused));
    }

    #[test]
    fn an_answer_is_unread_until_its_body_is_gone() {
        let conduct = Conduct::new();
        let later = Instant::now() + PATIENCE * 2;

        let body = conduct.begin().until_sent(Body::from("answer"));

        assert_eq!(conduct.judge(later, PATIENCE), Some(Fault::Unread));
        drop(body);
        assert_eq!(conduct.judge(later, PATIENCE), None);
    }
}
