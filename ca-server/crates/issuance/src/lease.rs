//! Leases: who of several servers does the work that one of them should do.
//!
//! A holder renews its leases each second. One that dies, or is cut off from the store, stops
//! renewing, and another takes over within [`LeaseKeeper::TAKEOVER`]. A holder that was only
//! frozen finds on waking that its term is over; had it looked just before, the store refuses
//! what it writes, because the fencing number has moved on: the number is checked in the
//! transaction of the write.
//!
//! A holder that lives and renews may still be unable to do the work: each server has a token, a
//! key and a route of its own. It says so ([`Lease::failed`]) and, where that goes on, lets the
//! work go and stands back for a while, so that a server that can do it gets it.

mod keeper;

use std::error::Error;
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
    tenancy: watch::Sender<Tenancy>,
}

/// What the store compares before it takes the work of a lease: the holder's number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The work.
    pub work: Arc<str>,
    /// The number that the holder was given; it grows with every other holder.
    pub number: u64,
}

/// How this process stands to a piece of work.
#[derive(Clone, Copy, Debug)]
enum Tenancy {
    /// Nobody asked yet, or it is somebody else's.
    Vacant,
    /// It may work until the term ends.
    Held(Term),
    /// It works no more; the store does not know yet.
    LetGo,
    /// It was given back and is not claimed before then.
    Resting { until: Instant },
}

#[derive(Clone, Copy, Debug)]
struct Term {
    number: u64,
    /// `None` where nobody else could take the work.
    until: Option<Instant>,
    /// How often in a row the work failed in it.
    failures: u32,
}

impl Lease {
    /// Returns a lease that was claimed under `number` and does not end.
    #[cfg(any(test, feature = "testing"))]
    pub fn held(work: &str, number: u64) -> Self {
        let (until, failures) = (None, 0);
        let tenancy = watch::Sender::new(Tenancy::Held(Term {
            number,
            until,
            failures,
        }));
        let work = work.into();
        let clock = Arc::new(crate::world::SystemClock);
        Self {
            work,
            clock,
            tenancy,
        }
    }

    /// Returns the fence to work behind, or `None` while the work is somebody else's.
    pub fn fence(&self) -> Option<Fence> {
        let now = self.clock.monotonic();
        let term = self.tenancy.borrow().term_at(now)?;
        Some(Fence {
            work: Arc::clone(&self.work),
            number: term.number,
        })
    }

    /// Notes that the work failed by `cause`, which is this server's own and may not be another's:
    /// its key, its route to a receiver; not the database that all share. Returns whether that was
    /// once too often: the work is then let go, and nothing more is to be done under this lease.
    ///
    /// Where nobody else could take the work it is kept, whatever fails.
    pub fn failed(&self, cause: &(dyn Error + 'static)) -> bool {
        let let_go = self.tenancy.send_if_modified(|tenancy| {
            let let_go = match tenancy {
                Tenancy::Held(term) => term.fails(),
                Tenancy::Vacant | Tenancy::LetGo | Tenancy::Resting { .. } => false,
            };
            if let_go {
                *tenancy = Tenancy::LetGo;
            }
            let_go
        });
        if let_go {
            tracing::warn!(
                work = &*self.work,
                error = cause,
                "work is let go, for another server may be able to do it: it failed here {PATIENCE} \
                 times in a row"
            );
        }
        let_go
    }

    /// Notes that the work was done: failures before it count no more.
    pub fn succeeded(&self) {
        self.tenancy.send_if_modified(|tenancy| {
            if let Tenancy::Held(term) = tenancy {
                term.failures = 0;
            }
            false
        });
    }
}

impl Tenancy {
    fn term_at(&self, now: Instant) -> Option<Term> {
        match self {
            Self::Held(term) => Some(*term).filter(|term| term.lasts_at(now)),
            Self::Vacant | Self::LetGo | Self::Resting { .. } => None,
        }
    }
}

impl Term {
    fn lasts_at(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// Counts a failure; returns whether the work is better left to somebody else.
    fn fails(&mut self) -> bool {
        self.failures = self.failures.saturating_add(1);
        self.until.is_some() && self.failures >= PATIENCE
    }
}

/// Returns the name of the work of publishing an issuer's CRLs.
pub fn publishing(issuer: &str) -> String {
    format!("crl.{issuer}")
}

/// Ending what was begun and never finished, removing what has ended.
pub const UPKEEP: &str = "upkeep";

/// How many failures in a row tell that a server cannot do the work. One or two pass: a token
/// that is restarted, a receiver that ends a connection.
const PATIENCE: u32 = 3;
