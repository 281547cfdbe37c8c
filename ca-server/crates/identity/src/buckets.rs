//! How often each of many may do something: a bucket each, refilled steadily.
//!
//! Kept in memory and per server: a cluster of N servers allows N times as much, and nobody pays
//! a database write for being counted.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::source::{Exempt, Source};

/// How often something may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(Quota);

impl Rate {
    /// Makes a rate of so many a minute, of which `burst` at once.
    pub fn new(per_minute: NonZeroU32, burst: NonZeroU32) -> Self {
        Self(Quota::per_minute(per_minute).allow_burst(burst))
    }

    /// Makes a rate of so many a minute, of which `burst` at once; `None`, no limit, of 0.
    pub fn per_minute(times: u32, burst: u32) -> Option<Self> {
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        Some(Self::new(NonZeroU32::new(times)?, burst))
    }

    /// Makes a rate of so many an hour, all of them at once if need be; `None`, no limit, of 0.
    pub fn per_hour(times: u32) -> Option<Self> {
        Some(Self(Quota::per_hour(NonZeroU32::new(times)?)))
    }

    /// Returns how many may be done at once.
    pub fn burst(self) -> u32 {
        self.0.burst_size().get()
    }

    /// Returns how long it takes until as many may be done at once again.
    pub fn refilled_in(self) -> Duration {
        self.full_in(0)
    }

    /// Returns how long it takes until a bucket is full again that has so many left.
    pub fn full_in(self, left: u32) -> Duration {
        self.0.replenish_interval() * self.burst().saturating_sub(left)
    }
}

/// Buckets of one kind, in shards, so that those who spend at once seldom wait for each other.
pub struct Buckets<K: Clone + Eq + Hash, C: Clock = DefaultClock> {
    name: &'static str,
    shards: Vec<Shard<K, C>>,
    hashing: RandomState,
}

struct Shard<K: Clone + Eq + Hash, C: Clock> {
    buckets: RateLimiter<K, HashMapStateStore<K>, C, StateInformationMiddleware>,
    clock: C,
    spent: AtomicU64,
}

impl<K: Clone + Eq + Hash> Buckets<K> {
    /// Makes full buckets for everyone; `name` tells refusals apart in metrics.
    pub fn new(name: &'static str, rate: Option<Rate>) -> Self {
        Self::with_clock(name, rate, &DefaultClock::default())
    }
}

impl<K: Clone + Eq + Hash, C: Clock + Clone> Buckets<K, C> {
    fn with_clock(name: &'static str, rate: Option<Rate>, clock: &C) -> Self {
        let shard = |Rate(quota)| Shard {
            buckets: RateLimiter::new(quota, HashMapStateStore::default(), clock.clone()),
            clock: clock.clone(),
            spent: AtomicU64::new(0),
        };
        let shards = rate.into_iter().flat_map(|rate| [rate; SHARDS]);
        Self {
            name,
            shards: shards.map(shard).collect(),
            hashing: RandomState::new(),
        }
    }

    /// Takes one out of the key's bucket; `Err` is how long to wait for the next.
    pub fn spend(&self, key: &K) -> Result<(), Duration> {
        self.draw(key).map(drop)
    }

    /// Does the same and returns how many are left at this moment.
    pub fn draw(&self, key: &K) -> Result<u32, Duration> {
        let place = self.hashing.hash_one(key) as usize % SHARDS;
        // Without a limit there are no shards.
        let Some(shard) = self.shards.get(place) else {
            return Ok(u32::MAX);
        };
        shard.draw(key).inspect_err(|_wait| {
            metrics::counter!("ca_limited_total", "limit" => self.name).increment(1);
        })
    }
}

impl<K: Clone + Eq + Hash, C: Clock> Shard<K, C> {
    fn draw(&self, key: &K) -> Result<u32, Duration> {
        self.forget_the_idle();
        match self.buckets.check_key(key) {
            Ok(left) => Ok(left.remaining_burst_capacity()),
            Err(until) => Err(until.wait_time_from(self.clock.now())),
        }
    }

    /// A full bucket is as good as none: every so often these are dropped, so that there are only
    /// as many as were spent from in the last moments.
    fn forget_the_idle(&self) {
        let spent = self.spent.fetch_add(1, Ordering::Relaxed);
        if spent.is_multiple_of(SPENT_BETWEEN_CLEANINGS) {
            self.buckets.retain_recent();
            self.buckets.shrink_to_fit();
        }
    }
}

/// Buckets of addresses.
pub struct AddressBuckets {
    buckets: Buckets<Source>,
    exempt: Exempt,
}

impl AddressBuckets {
    /// Makes full buckets for all addresses that are not exempt.
    pub fn new(name: &'static str, rate: Option<Rate>, exempt: Exempt) -> Self {
        Self {
            buckets: Buckets::new(name, rate),
            exempt,
        }
    }

    /// Takes one out of the address's bucket; `Err` is how long to wait for the next.
    pub fn spend(&self, address: IpAddr) -> Result<(), Duration> {
        if self.exempt.contains(address) {
            return Ok(());
        }
        self.buckets.spend(&Source::of(address))
    }
}

const SHARDS: usize = 16;
const SPENT_BETWEEN_CLEANINGS: u64 = 1024;

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn buckets(rate: Option<Rate>, clock: &FakeRelativeClock) -> Buckets<u32, FakeRelativeClock> {
        Buckets::with_clock("test", rate, clock)
    }

    #[test]
    fn holds_each_to_its_own_bucket_and_refills_it() {
        let clock = FakeRelativeClock::default();
        let buckets = buckets(Rate::per_minute(60, 3), &clock);
        let may = |key| buckets.spend(&key).is_ok();

        assert_eq!([(); 4].map(|()| may(1)), [true, true, true, false]);
        assert!(may(2));
        clock.advance(Duration::from_secs(1));
        assert_eq!([(); 2].map(|()| may(1)), [true, false]);
    }

    #[test]
    fn says_how_long_to_wait() {
        let buckets = buckets(Rate::per_hour(1), &FakeRelativeClock::default());

        let waits = [(); 2].map(|()| buckets.spend(&1));

        assert_eq!(waits, [Ok(()), Err(Duration::from_secs(3600))]);
    }

    #[test]
    fn says_how_many_are_left_and_when_all_are_back() {
        let rate = Rate::per_minute(60, 3).unwrap();
        let buckets = buckets(Some(rate), &FakeRelativeClock::default());

        let left = [(); 4].map(|()| buckets.draw(&1).unwrap_or(0));

        assert_eq!(left, [2, 1, 0, 0]);
        assert_eq!(left.map(|left| rate.full_in(left).as_secs()), [1, 2, 3, 3]);
    }

    #[test]
    fn limits_nobody_without_a_rate() {
        let buckets = buckets(Rate::per_minute(0, 0), &FakeRelativeClock::default());

        assert!((0..10_000).all(|_| buckets.spend(&1).is_ok()));
    }

    #[test]
    fn forgets_who_went_away() {
        let clock = FakeRelativeClock::default();
        let buckets = buckets(Rate::per_minute(60, 3), &clock);
        let known = || -> usize { buckets.shards.iter().map(|it| it.buckets.len()).sum() };
        (0..20_000).for_each(|key| buckets.spend(&key).unwrap());
        let before = known();

        clock.advance(Duration::from_secs(60));
        // Enough callers that every shard has some: each clears only what is its own.
        (0..80_000).for_each(|key| buckets.spend(&(key % 256)).unwrap_or_default());

        assert!(before >= 16_000, "{before}");
        assert!(known() <= 256 + before / 8, "{} of {before}", known());
    }

    #[test]
    fn counts_no_address_that_is_exempt() {
        let exempt = Exempt::new(&["10.0.0.1/32".parse().unwrap()]);
        let buckets = AddressBuckets::new("test", Rate::per_minute(1, 1), exempt);
        let spend = |text: &str| buckets.spend(text.parse().unwrap()).is_ok();

        assert_eq!([(); 3].map(|()| spend("10.0.0.1")), [true; 3]);
        assert_eq!([(); 2].map(|()| spend("10.0.0.2")), [true, false]);
    }
}
