//! How much a pool has promised, and how fast it works that off.
//!
//! Whoever spends something on a signature takes a [`Place`] before. There are as many as the
//! threads work off well within the patience of those who wait: a slow token turns requests away
//! early, where a long queue would let each of them wait and then fail.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::{KeyError, SignerOptions};

/// A place in the queue of a signer, given back when it is dropped.
#[derive(Debug)]
#[must_use = "the place is given back when this is dropped"]
pub struct Place(Option<Arc<Load>>);

/// What is promised, and the pace of the device.
#[derive(Debug)]
pub(super) struct Load {
    threads: u32,
    most: usize,
    patience: Duration,
    pace: Mutex<Pace>,
}

#[derive(Debug)]
struct Pace {
    places: usize,
    /// How long a signature takes, recent ones counting most.
    latency: Duration,
    /// When the last one was done, or the first of those that wait came.
    moved: Instant,
    signed: Option<Instant>,
}

impl Place {
    /// Returns a place where there is no queue.
    pub(crate) fn unlimited() -> Self {
        Self(None)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(load) = &self.0 {
            load.pace().places -= 1;
        }
    }
}

impl Load {
    pub(super) fn new(threads: usize, options: &SignerOptions) -> Self {
        Self {
            threads: u32::try_from(threads).unwrap_or(u32::MAX),
            most: options.queue.get(),
            // What is left of it is for whoever asks without a place, as CRLs do.
            patience: options.patience / 2,
            pace: Mutex::new(Pace {
                places: 0,
                latency: Duration::ZERO,
                moved: Instant::now(),
                signed: None,
            }),
        }
    }

    /// Gives a place, or says when there may be one.
    pub(super) fn reserve(self: &Arc<Self>, now: Instant) -> Result<Place, KeyError> {
        let mut pace = self.pace();
        if pace.places == 0 {
            pace.moved = now;
        }
        let latency = pace.latency(now);
        if pace.places >= self.capacity(latency) {
            let queued = u32::try_from(pace.places).unwrap_or(u32::MAX);
            let wait = latency.saturating_mul(queued) / self.threads.max(1);
            return Err(KeyError::Unavailable {
                retry_after: wait.clamp(SHORTEST_WAIT, LONGEST_WAIT),
            });
        }
        pace.places += 1;
        Ok(Place(Some(Arc::clone(self))))
    }

    /// Notes a signature and how long the device took for it.
    pub(super) fn signed(&self, now: Instant, took: Duration) {
        let mut pace = self.pace();
        pace.latency = match pace.signed {
            Some(_) => (pace.latency * 7 + took) / 8,
            None => took,
        };
        pace.moved = now;
        pace.signed = Some(now);
    }

    /// Tells whether anything was signed since: then the device is slow, and does not hang.
    pub(super) fn has_signed_since(&self, moment: Instant) -> bool {
        self.pace().signed.is_some_and(|signed| signed >= moment)
    }

    /// How many signatures the threads make while somebody is patient.
    fn capacity(&self, latency: Duration) -> usize {
        let each = self.patience.as_nanos() / latency.as_nanos().max(1);
        let all = each.saturating_mul(u128::from(self.threads));
        let least = usize::try_from(self.threads).unwrap_or(usize::MAX);
        usize::try_from(all)
            .unwrap_or(usize::MAX)
            .clamp(least.min(self.most), self.most)
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        // Each field is written whole, whoever panicked.
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pace {
    /// How long a signature takes now: a device that has not moved for a while is that slow at
    /// least, or hangs.
    fn latency(&self, now: Instant) -> Duration {
        let standing = match self.places {
            0 => Duration::ZERO,
            _ => now.saturating_duration_since(self.moved),
        };
        self.latency.max(standing)
    }
}

const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    fn load(threads: usize) -> Arc<Load> {
        let options = SignerOptions {
            queue: NonZeroUsize::new(100).unwrap(),
            patience: Duration::from_secs(10),
            ..SignerOptions::default()
        };
        Arc::new(Load::new(threads, &options))
    }

    /// Takes places until there is none.
    fn fill(load: &Arc<Load>, now: Instant) -> Vec<Place> {
        std::iter::from_fn(|| load.reserve(now).ok()).collect()
    }

    #[test]
    fn gives_as_many_places_as_there_may_wait_before_it_knows_the_device() {
        let now = Instant::now();

        assert_eq!(fill(&load(2), now).len(), 100);
    }

    #[test]
    fn gives_as_many_places_as_a_slow_device_works_off_in_half_of_the_patience() {
        let (load, now) = (load(2), Instant::now());

        load.signed(now, Duration::from_millis(200));

        assert_eq!(fill(&load, now).len(), 50);
    }

    #[test]
    fn says_when_a_full_queue_has_been_worked_off() {
        let (load, now) = (load(1), Instant::now());
        load.signed(now, Duration::from_millis(200));
        let _places = fill(&load, now);

        let refused = load.reserve(now);

        assert!(
            matches!(refused, Err(KeyError::Unavailable { retry_after })
                if retry_after == Duration::from_secs(5)),
            "{refused:?}"
        );
    }

    #[test]
    fn gives_fewer_places_the_longer_nothing_moves() {
        let (load, now) = (load(1), Instant::now());
        let first = load.reserve(now).unwrap();

        let after_a_second = fill(&load, now + Duration::from_secs(1));
        drop(first);

        assert_eq!(after_a_second.len(), 4);
    }

    #[test]
    fn takes_a_place_back_when_it_is_dropped() {
        let (load, now) = (load(1), Instant::now());
        let mut places = fill(&load, now);

        places.pop();

        assert!(load.reserve(now).is_ok());
    }

    #[test]
    fn tells_a_device_that_signs_for_others_from_one_that_hangs() {
        let (load, now) = (load(1), Instant::now());
        load.signed(now, Duration::from_millis(200));

        assert!(load.has_signed_since(now));
        assert!(!load.has_signed_since(now + Duration::from_millis(1)));
    }

    #[test]
    fn does_not_take_an_idle_device_for_one_that_hangs() {
        let (load, now) = (load(1), Instant::now());
        load.signed(now, Duration::from_millis(1));

        assert_eq!(fill(&load, now + Duration::from_secs(3600)).len(), 100);
    }
}
