//! Slows down whoever guesses, and bounds what guessing may write into the audit log.
//!
//! Kept in memory and per server: a cluster of N servers gives an attacker N times the guesses,
//! which 256-bit secrets can afford, and nobody pays a database write for being refused.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ca_pki::Timestamp;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::source::Source;

/// Counts failed attempts and says who must wait.
pub(crate) struct Throttle {
    pairs: Cache<(String, Source), Failures>,
    sources: Cache<Source, Failures>,
    recorded: Cache<Source, Recorded>,
    recorded_of_all: Mutex<Recorded>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    latest: Timestamp,
    blocked_until: Timestamp,
}

#[derive(Clone, Copy, Debug)]
struct Recorded {
    since: Timestamp,
    written: u32,
    withheld: u64,
}

/// Whether a failure may become an audit event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recording {
    /// It may, and tells what was left out since the last ones.
    Write {
        /// How many of this source were, because it had filled its share.
        withheld: u64,
        /// How many of any source were, because all together had filled theirs.
        withheld_elsewhere: u64,
    },
    /// This source has filled its share for now, or all together have.
    Withhold,
}

impl Throttle {
    pub(crate) fn new() -> Self {
        Self {
            pairs: bounded(),
            sources: bounded(),
            recorded: bounded(),
            recorded_of_all: Mutex::new(Recorded::NOTHING),
        }
    }

    /// Tells how long a client must wait before its next attempt, if it must.
    pub(crate) fn wait(
        &self,
        client: &str,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<(), Duration> {
        let source = Source::of(address);
        let pair = self.pairs.get(&(client.to_owned(), source));
        let of_source = self.sources.get(&source);
        let until = pair
            .into_iter()
            .chain(of_source)
            .map(|failures| failures.blocked_until)
            .max();
        match until {
            // A wait longer than any was imposed while the clock was ahead, and is over.
            Some(until) if until > now && until.since(now) <= LONGEST_WAIT => Err(until.since(now)),
            Some(_) | None => Ok(()),
        }
    }

    /// Counts a failed attempt.
    pub(crate) fn failed(&self, client: &str, address: IpAddr, now: Timestamp) {
        let source = Source::of(address);
        let pair = self.pairs.entry((client.to_owned(), source));
        pair.and_upsert_with(|known| {
            Failures::one_more(known.map(|entry| entry.into_value()), PAIR_FREE, now)
        });
        let of_source = self.sources.entry(source);
        of_source.and_upsert_with(|known| {
            Failures::one_more(known.map(|entry| entry.into_value()), SOURCE_FREE, now)
        });
    }

    /// Forgets the failures of a client that logged in. Its address's stay: else one good client
    /// there would be a licence to guess the others' secrets.
    pub(crate) fn succeeded(&self, client: &str, address: IpAddr) {
        let pair = (client.to_owned(), Source::of(address));
        self.pairs.invalidate(&pair);
    }

    /// Asks whether one more failure from this address may be written down. Sources cost an
    /// attacker little (a /48 holds 65,536 of them): all together have a share too.
    pub(crate) fn record(&self, address: IpAddr, now: Timestamp) -> Recording {
        let mut of_source = None;
        let entry = self.recorded.entry(Source::of(address));
        entry.and_upsert_with(|known| {
            let known = known.map_or(Recorded::NOTHING, |entry| entry.into_value());
            let (next, withheld) = known.one_more(RECORDED_PER_WINDOW, now);
            of_source = withheld;
            next
        });
        let Some(withheld) = of_source else {
            return Recording::Withhold;
        };
        match self.record_among_all(withheld, now) {
            Some(withheld_elsewhere) => Recording::Write {
                withheld,
                withheld_elsewhere,
            },
            None => Recording::Withhold,
        }
    }

    /// Asks the same for everybody. What a source had withheld before is handed over where its
    /// event is not written: no failure goes uncounted.
    fn record_among_all(&self, withheld_of_source: u64, now: Timestamp) -> Option<u64> {
        let mut of_all = self
            .recorded_of_all
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (next, withheld) = of_all.one_more(RECORDED_OF_ALL, now);
        *of_all = next;
        if withheld.is_none() {
            of_all.withheld = of_all.withheld.saturating_add(withheld_of_source);
        }
        withheld
    }
}

impl Failures {
    fn one_more(known: Option<Self>, free: u32, now: Timestamp) -> Self {
        let earlier = known.filter(|known| now.since(known.latest) < FORGOTTEN_AFTER);
        let count = earlier.map_or(0, |earlier| earlier.count).saturating_add(1);
        let wait = match count.checked_sub(free) {
            Some(doublings) => FIRST_WAIT.saturating_mul(1 << doublings.min(30)),
            None => Duration::ZERO,
        };
        Self {
            count,
            latest: now,
            blocked_until: now.plus(wait.min(LONGEST_WAIT)),
        }
    }
}

impl Recorded {
    const NOTHING: Self = Self {
        since: Timestamp::from_unix_secs(0),
        written: 0,
        withheld: 0,
    };

    /// Counts one more; returns how many were withheld before it, `None` if it is withheld too.
    fn one_more(mut self, share: u32, now: Timestamp) -> (Self, Option<u64>) {
        if self.since > now || now.since(self.since) >= RECORDING_WINDOW {
            (self.since, self.written) = (now, 0);
        }
        if self.written >= share {
            self.withheld = self.withheld.saturating_add(1);
            return (self, None);
        }
        self.written += 1;
        let withheld = std::mem::take(&mut self.withheld);
        (self, Some(withheld))
    }
}

/// The default policy of the cache would rather drop a newcomer than somebody seen often: here the
/// newcomer is the attacker.
fn bounded<K, V>() -> Cache<K, V>
where
    K: std::hash::Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder()
        .max_capacity(REMEMBERED)
        .eviction_policy(EvictionPolicy::lru())
        .build()
}

/// How many failures of one client at one address cost nothing.
const PAIR_FREE: u32 = 5;
/// How many failures of an address cost nothing: many clients may share it behind one NAT, and one
/// of them with an old secret must not lock out the rest.
const SOURCE_FREE: u32 = 20;
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60 * 60);
const RECORDING_WINDOW: Duration = Duration::from_secs(60);
const RECORDED_PER_WINDOW: u32 = 30;
/// Of all sources together.
const RECORDED_OF_ALL: u32 = 600;
const REMEMBERED: u64 = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_unix_secs(1_795_262_400);

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn fail(throttle: &Throttle, client: &str, from: &str, times: u32) {
        for _ in 0..times {
            throttle.failed(client, address(from), NOON);
        }
    }

    fn wait(throttle: &Throttle, client: &str, from: &str) -> Result<(), Duration> {
        throttle.wait(client, address(from), NOON)
    }

    #[test]
    fn lets_four_failures_pass_and_doubles_the_wait_from_the_fifth_on() {
        let throttle = Throttle::new();
        let mut waits = Vec::new();

        for _ in 0..8 {
            fail(&throttle, "a", "192.0.2.1", 1);
            waits.push(wait(&throttle, "a", "192.0.2.1").map_err(|wait| wait.as_secs()));
        }

        let free = [Ok(()); 4];
        assert_eq!(waits[..4], free);
        assert_eq!(waits[4..], [Err(1), Err(2), Err(4), Err(8)]);
    }

    #[test]
    fn never_waits_longer_than_fifteen_minutes() {
        let throttle = Throttle::new();

        fail(&throttle, "a", "192.0.2.1", 100);

        assert_eq!(wait(&throttle, "a", "192.0.2.1"), Err(LONGEST_WAIT));
    }

    #[test]
    fn lets_the_next_attempt_pass_when_the_wait_is_over() {
        let throttle = Throttle::new();
        fail(&throttle, "a", "192.0.2.1", 5);

        let later = NOON.plus(Duration::from_secs(1));

        assert_eq!(throttle.wait("a", address("192.0.2.1"), later), Ok(()));
    }

    #[test]
    fn does_not_make_others_wait() {
        let throttle = Throttle::new();

        fail(&throttle, "a", "192.0.2.1", 10);

        assert_eq!(wait(&throttle, "b", "192.0.2.1"), Ok(()));
        assert_eq!(wait(&throttle, "a", "192.0.2.2"), Ok(()));
    }

    #[test]
    fn makes_an_address_wait_that_guesses_at_many_clients() {
        let throttle = Throttle::new();

        for client in 0..SOURCE_FREE {
            fail(&throttle, &client.to_string(), "192.0.2.1", 1);
        }

        assert!(wait(&throttle, "another", "192.0.2.1").is_err());
    }

    #[test]
    fn takes_a_whole_ipv6_subnet_for_one_address() {
        let throttle = Throttle::new();

        fail(&throttle, "a", "2001:db8:0:1::1", 5);

        assert!(wait(&throttle, "a", "2001:db8:0:1:ffff::2").is_err());
        assert_eq!(wait(&throttle, "a", "2001:db8:0:2::1"), Ok(()));
    }

    #[test]
    fn takes_a_mapped_address_for_the_one_inside() {
        let throttle = Throttle::new();

        fail(&throttle, "a", "::ffff:192.0.2.1", 5);

        assert!(wait(&throttle, "a", "192.0.2.1").is_err());
        assert_eq!(wait(&throttle, "a", "::ffff:192.0.2.2"), Ok(()));
    }

    #[test]
    fn forgets_a_client_that_logged_in_but_not_its_address() {
        let throttle = Throttle::new();
        fail(&throttle, "a", "192.0.2.1", 10);
        fail(&throttle, "b", "192.0.2.1", 9);

        throttle.succeeded("a", address("192.0.2.1"));

        assert_eq!(wait(&throttle, "a", "192.0.2.1"), Ok(()));
        fail(&throttle, "c", "192.0.2.1", 1);
        assert!(wait(&throttle, "a", "192.0.2.1").is_err());
    }

    #[test]
    fn begins_anew_after_an_hour_without_failures() {
        let throttle = Throttle::new();
        fail(&throttle, "a", "192.0.2.1", 9);
        let later = NOON.plus(FORGOTTEN_AFTER);

        throttle.failed("a", address("192.0.2.1"), later);

        assert_eq!(throttle.wait("a", address("192.0.2.1"), later), Ok(()));
    }

    #[test]
    fn withholds_failures_above_the_bound_and_says_later_how_many() {
        let throttle = Throttle::new();
        let from = address("192.0.2.1");
        for _ in 0..RECORDED_PER_WINDOW {
            assert_eq!(throttle.record(from, NOON), write(0, 0));
        }

        let above = [throttle.record(from, NOON), throttle.record(from, NOON)];
        let later = throttle.record(from, NOON.plus(RECORDING_WINDOW));

        assert_eq!(above, [Recording::Withhold; 2]);
        assert_eq!(later, write(2, 0));
    }

    #[test]
    fn withholds_failures_of_a_crowd_and_says_later_how_many() {
        let throttle = Throttle::new();
        let record = |subnet: u32, now| {
            let from = format!("2001:db8:0:{subnet:x}::1");
            throttle.record(address(&from), now)
        };
        for subnet in 0..RECORDED_OF_ALL {
            assert_eq!(record(subnet, NOON), write(0, 0));
        }

        let above = [record(0xfff0, NOON), record(0xfff1, NOON)];
        let later = NOON.plus(RECORDING_WINDOW);
        let next = [record(0xfff2, later), record(0xfff0, later)];

        assert_eq!(above, [Recording::Withhold; 2]);
        assert_eq!(next, [write(0, 2), write(0, 0)]);
    }

    #[test]
    fn counts_what_a_source_had_withheld_when_the_crowd_withholds_its_next() {
        let throttle = Throttle::new();
        let loud = address("192.0.2.1");
        for _ in 0..RECORDED_PER_WINDOW + 3 {
            throttle.record(loud, NOON);
        }
        let soon = NOON.plus(Duration::from_secs(59));
        let window = NOON.plus(RECORDING_WINDOW);
        let crowd = |now, subnets: std::ops::Range<u32>| {
            for subnet in subnets {
                let from = format!("2001:db8:0:{subnet:x}::1");
                throttle.record(address(&from), now);
            }
        };
        crowd(soon, 0..RECORDED_OF_ALL - RECORDED_PER_WINDOW);
        crowd(window, 0..RECORDED_OF_ALL);

        let silenced = throttle.record(loud, window);
        let told = throttle.record(loud, window.plus(RECORDING_WINDOW));

        assert_eq!(silenced, Recording::Withhold);
        assert_eq!(told, write(0, 4));
    }

    fn write(withheld: u64, withheld_elsewhere: u64) -> Recording {
        Recording::Write {
            withheld,
            withheld_elsewhere,
        }
    }
}
