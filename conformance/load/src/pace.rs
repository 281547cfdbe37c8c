//! Closed loop: each worker begins when its last operation ended. Open loop: operations begin at
//! a fixed rate whatever the server does, and latency counts from the intended start.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// When the next operation begins; shared by the workers.
#[derive(Clone)]
pub(crate) struct Pace(Rc<Shared>);

struct Shared {
    begun: Instant,
    next: Cell<u64>,
    limit: u64,
    interval: Option<Duration>,
}

/// A turn to do one operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    /// Which one, from 0.
    pub(crate) number: u64,
    /// From when its latency counts.
    pub(crate) begun: Instant,
}

impl Pace {
    /// Plans `limit` operations, at `rate` a second where it is given.
    pub(crate) fn new(limit: u64, rate: Option<f64>) -> Self {
        Self(Rc::new(Shared {
            begun: Instant::now(),
            next: Cell::new(0),
            limit,
            interval: rate.map(|rate| Duration::from_secs_f64(1.0 / rate)),
        }))
    }

    /// Plans operations for a while, at `rate` a second.
    pub(crate) fn during(secs: u64, rate: f64) -> Self {
        Self::new((secs as f64 * rate) as u64, Some(rate))
    }

    /// Waits for the next turn; `None` when all are taken.
    pub(crate) async fn turn(&self) -> Option<Turn> {
        let number = self.0.next.get();
        if number >= self.0.limit {
            return None;
        }
        self.0.next.set(number + 1);
        let Some(interval) = self.0.interval else {
            return Some(Turn {
                number,
                begun: Instant::now(),
            });
        };
        let times = u32::try_from(number).unwrap_or(u32::MAX);
        let intended = self.0.begun + interval * times;
        sleep_until(intended).await;
        Some(Turn {
            number,
            begun: intended,
        })
    }
}

/// The runtime's timer counts whole milliseconds: what it is late by is no latency of the server.
async fn sleep_until(moment: Instant) {
    let nearly = moment.checked_sub(TIMER_SLACK).unwrap_or(moment);
    tokio::time::sleep_until(nearly.into()).await;
    while Instant::now() < moment {
        tokio::task::yield_now().await;
    }
}

const TIMER_SLACK: Duration = Duration::from_millis(2);
