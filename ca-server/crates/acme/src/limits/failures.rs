//! Validations that failed, by account and identifier.
//!
//! A client that fails again and again makes this CA dial a host and ask resolvers that may be
//! somebody else's. Past its share it gets one attempt every so often, and is forgotten after an
//! hour without a failure: nobody is locked out for good.

use std::time::Duration;

use ca_pki::{Identifier, Timestamp};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

/// Counts failed validations.
pub(super) struct Failures {
    per_hour: u32,
    counts: Cache<(String, Identifier), Count>,
}

#[derive(Clone, Copy)]
struct Count {
    failed: u32,
    latest: Timestamp,
}

impl Failures {
    /// Allows so many failures an hour; 0 is no limit.
    pub(super) fn new(per_hour: u32) -> Self {
        let counts = Cache::builder()
            .max_capacity(REMEMBERED)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { per_hour, counts }
    }

    /// Counts one more.
    pub(super) fn count(&self, account: &str, identifier: &Identifier, now: Timestamp) {
        if self.per_hour == 0 {
            return;
        }
        let entry = self.counts.entry((account.to_owned(), identifier.clone()));
        entry.and_upsert_with(|known| {
            let earlier = known.map(|entry| entry.into_value());
            let earlier = earlier.filter(|count| now.since(count.latest) < HOUR);
            Count {
                failed: earlier.map_or(0, |count| count.failed).saturating_add(1),
                latest: now,
            }
        });
    }

    /// Tells how long to wait before the next attempt, if that is needed.
    pub(super) fn wait(
        &self,
        account: &str,
        identifier: &Identifier,
        now: Timestamp,
    ) -> Option<Duration> {
        let pause = HOUR.checked_div(self.per_hour)?;
        let count = self.counts.get(&(account.to_owned(), identifier.clone()))?;
        // A clock that was set back must not keep anybody waiting for the time that it lost.
        let is_recent = now.since(count.latest) < pause && count.latest.since(now) < pause;
        (count.failed >= self.per_hour && is_recent).then(|| pause - now.since(count.latest))
    }
}

const HOUR: Duration = Duration::from_secs(60 * 60);
const REMEMBERED: u64 = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_unix_secs(1_795_262_400);

    fn name(text: &str) -> Identifier {
        Identifier::parse("dns", text).unwrap()
    }

    fn failed(times: u32) -> Failures {
        let failures = Failures::new(60);
        (0..times).for_each(|_| failures.count("a", &name("x.test"), NOON));
        failures
    }

    #[test]
    fn makes_nobody_wait_below_the_share() {
        assert_eq!(failed(59).wait("a", &name("x.test"), NOON), None);
    }

    #[test]
    fn allows_an_attempt_every_so_often_past_the_share() {
        let failures = failed(60);
        let wait = |after: u64| {
            let now = NOON.plus(Duration::from_secs(after));
            failures.wait("a", &name("x.test"), now)
        };

        assert_eq!(wait(0), Some(Duration::from_secs(60)));
        assert_eq!(wait(59), Some(Duration::from_secs(1)));
        assert_eq!(wait(60), None);
    }

    #[test]
    fn holds_neither_other_names_nor_other_accounts() {
        let failures = failed(60);

        assert_eq!(failures.wait("a", &name("y.test"), NOON), None);
        assert_eq!(failures.wait("b", &name("x.test"), NOON), None);
    }

    #[test]
    fn forgets_after_an_hour_without_a_failure() {
        let failures = failed(60);
        let later = NOON.plus(HOUR);

        failures.count("a", &name("x.test"), later);

        assert_eq!(failures.wait("a", &name("x.test"), later), None);
    }

    #[test]
    fn keeps_nobody_waiting_for_a_clock_that_was_set_back() {
        let failures = failed(60);

        let earlier = NOON.minus(HOUR * 24 * 365);

        assert_eq!(failures.wait("a", &name("x.test"), earlier), None);
    }

    #[test]
    fn counts_nothing_without_a_limit() {
        let failures = Failures::new(0);
        (0..1_000).for_each(|_| failures.count("a", &name("x.test"), NOON));

        assert_eq!(failures.wait("a", &name("x.test"), NOON), None);
    }
}
