//! The breaker as the threads and callers of one key share it, and what it tells the operator.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::breaker::{Breaker, Change};
use crate::meters::Meters;
use crate::{BreakerPolicy, KeyError};

/// Whether the device behind one key is worth asking.
#[derive(Debug)]
pub(super) struct Health {
    breaker: Mutex<Breaker>,
    /// How often a signature proved wrong.
    distrusts: AtomicU64,
    meters: Meters,
}

/// How far the device was trusted at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trust(u64);

impl Health {
    pub(super) fn new(policy: BreakerPolicy, meters: Meters) -> Self {
        meters.breaker_open(false);
        Self {
            breaker: Mutex::new(Breaker::new(policy)),
            distrusts: AtomicU64::new(0),
            meters,
        }
    }

    /// Lets a request through, or says when to come back.
    pub(super) fn admit(&self, now: Instant) -> Result<(), KeyError> {
        self.breaker()
            .admit(now)
            .map_err(|retry_after| KeyError::Unavailable { retry_after })
    }

    /// Tells whether a request would be let through, or when to come back.
    pub(super) fn check(&self, now: Instant) -> Result<(), KeyError> {
        self.breaker()
            .check(now)
            .map_err(|retry_after| KeyError::Unavailable { retry_after })
    }

    /// Returns the trust of now: what was begun under another one counts for nothing.
    pub(super) fn trust(&self) -> Trust {
        Trust(self.distrusts.load(Ordering::Acquire))
    }

    /// Opens the breaker at once, and ends all trust of before.
    pub(super) fn distrust(&self, reason: &KeyError) {
        self.distrusts.fetch_add(1, Ordering::AcqRel);
        let change = self.breaker().tripped(Instant::now());
        self.report(change, reason);
    }

    /// Notes a signature made in time, in a session of that trust.
    pub(super) fn succeeded(&self, trust: Trust) {
        if trust != self.trust() {
            return;
        }
        match self.breaker().succeeded() {
            Change::Closed => {
                tracing::info!(key = %self.meters.key(), "the signer works again");
                self.meters.breaker_open(false);
            }
            Change::None | Change::Opened(_) => {}
        }
    }

    /// Notes that the device failed or did not answer in time.
    pub(super) fn failed(&self, reason: &KeyError) {
        let change = self.breaker().failed(Instant::now());
        self.report(change, reason);
    }

    /// Notes that a request found the queue full.
    pub(super) fn crowded(&self, now: Instant) {
        let change = self.breaker().crowded(now);
        self.report(change, &KeyError::DeadlineExceeded);
    }

    fn report(&self, change: Change, reason: &KeyError) {
        match change {
            Change::Opened(pause) => {
                let (key, pause_secs) = (self.meters.key(), pause.as_secs_f64());
                tracing::error!(%key, %reason, pause_secs, "the signer fails, its breaker opens");
                self.meters.breaker_open(true);
            }
            Change::None | Change::Closed => {}
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        // Every state of the breaker is a valid one, whoever panicked.
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
