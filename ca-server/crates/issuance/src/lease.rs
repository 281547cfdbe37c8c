//! Leases: who of several servers does the work that one of them should do.
//!
//! A holder renews its leases each second. One that dies, or is cut off from the store, stops
//! renewing, and another takes over within [`LeaseKeeper::TAKEOVER`]. A holder that was only
//! frozen finds on waking that its term is over; had it looked just before, the store refuses
//! what it writes, because the fencing number has moved on: the number is checked in the
//! transaction of the write.

mod keeper;

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;

pub use self::keeper::{LeaseKeeper, Tenure};
use crate::Clock;

/// The right to do a piece of work, for as long as this process holds it. Clones share it.
#[derive(Clone)]
pub struct Lease {
    work: Arc<str>,
    clock: Arc<dyn Clock>,
    term: watch::Receiver<Option<Term>>,
}

/// What the store compares before it takes the work of a lease: the holder's number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The work.
    pub work: Arc<str>,
    /// The number that the holder was given; it grows with every other holder.
    pub number: u64,
}

#[derive(Clone, Copy, Debug)]
struct Term {
    number: u64,
    until: Option<Instant>,
}

impl Lease {
    /// Returns a lease that was claimed under `number` and does not end.
    #[cfg(any(test, feature = "testing"))]
    pub fn held(work: &str, number: u64) -> Self {
        let until = None;
        let (_, term) = watch::channel(Some(Term { number, until }));
        let work = work.into();
        let clock = Arc::new(crate::world::SystemClock);
        Self { work, clock, term }
    }

    /// Returns the fence to work behind, or `None` while the work is somebody else's.
    pub fn fence(&self) -> Option<Fence> {
        let now = self.clock.monotonic();
        let term = self.term.borrow().filter(|term| term.lasts_at(now))?;
        Some(Fence {
            work: Arc::clone(&self.work),
            number: term.number,
        })
    }
}

impl Term {
    fn lasts_at(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// Returns the name of the work of publishing an issuer's CRLs.
pub fn publishing(issuer: &str) -> String {
    format!("crl.{issuer}")
}

/// Ending what was begun and never finished, removing what has ended.
pub const UPKEEP: &str = "upkeep";
