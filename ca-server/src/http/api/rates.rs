//! How often each caller may ask, and the headers that say so.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::config::ApiSection;
use crate::http::limits::TooMany;
use crate::http::problem::api::Problem;

/// Counts requests by caller: a bucket each, refilled steadily.
pub(crate) struct Rates<C: Clock = DefaultClock> {
    buckets: RateLimiter<String, HashMapStateStore<String>, C, StateInformationMiddleware>,
    quota: Quota,
    per_minute: u32,
    clock: C,
    spent: AtomicU64,
}

/// What is left of a caller's bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowance {
    /// Who has it: the caller, or everyone at its address.
    of: &'static str,
    burst: u32,
    refilled_in: Duration,
    remaining: u32,
    full_in: Duration,
}

/// Where a request's allowance is noted, for the headers of its answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter(Arc<OnceLock<Allowance>>);

impl Rates {
    /// Makes full buckets for everyone.
    pub(crate) fn new(section: &ApiSection) -> Self {
        Self::with_clock(section, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Rates<C> {
    fn with_clock(section: &ApiSection, clock: C) -> Self {
        let quota = Quota::per_minute(section.requests_per_minute).allow_burst(section.burst);
        Self {
            buckets: RateLimiter::new(quota, HashMapStateStore::default(), clock.clone()),
            quota,
            per_minute: section.requests_per_minute.get(),
            clock,
            spent: AtomicU64::new(0),
        }
    }

    /// Takes one request out of `caller`'s bucket and notes what is left on `meter`.
    pub(super) fn spend(&self, caller: &str, meter: &Meter) -> Result<(), Problem> {
        self.forget_the_idle();
        let outcome = self.buckets.check_key(&caller.to_owned());
        let remaining = match &outcome {
            Ok(left) => left.remaining_burst_capacity(),
            Err(_) => 0,
        };
        // Where a client exchanges somebody's token both spend: the first note stands.
        let _ = meter.0.set(self.allowance(remaining));
        outcome.map(drop).map_err(|until| {
            let detail = format!("more than {} requests a minute", self.per_minute);
            Problem::rate_limited(detail, until.wait_time_from(self.clock.now()))
        })
    }

    fn allowance(&self, remaining: u32) -> Allowance {
        let burst = self.quota.burst_size().get();
        Allowance {
            of: "caller",
            burst,
            refilled_in: self.quota.burst_size_replenished_in(),
            remaining,
            full_in: self.quota.replenish_interval() * burst.saturating_sub(remaining),
        }
    }

    /// A full bucket is as good as none: every so often these are dropped, so that there are only
    /// as many as callers of the last moments.
    fn forget_the_idle(&self) {
        let spent = self.spent.fetch_add(1, Ordering::Relaxed);
        if spent.is_multiple_of(SPENT_BETWEEN_CLEANINGS) {
            self.buckets.retain_recent();
            self.buckets.shrink_to_fit();
        }
    }
}

impl Meter {
    /// Notes that an address has nothing left.
    pub(super) fn note(&self, too_many: TooMany) {
        let _ = self.0.set(Allowance {
            of: "address",
            burst: too_many.rate.burst(),
            refilled_in: too_many.rate.refilled_in(),
            remaining: 0,
            full_in: too_many.rate.refilled_in(),
        });
    }

    /// Puts what was noted into a response's headers (draft-ietf-httpapi-ratelimit-headers).
    pub(super) fn show(&self, headers: &mut HeaderMap) {
        let Some(allowance) = self.0.get() else {
            return;
        };
        let Allowance {
            of,
            burst,
            refilled_in,
            remaining,
            full_in,
        } = *allowance;
        let policy = format!("\"{of}\";q={burst};w={}", whole_secs(refilled_in));
        let state = format!("\"{of}\";r={remaining};t={}", whole_secs(full_in));
        for (name, text) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, state)] {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
    }
}

fn whole_secs(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const SPENT_BETWEEN_CLEANINGS: u64 = 1024;

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use axum::response::IntoResponse;
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn rates(clock: &FakeRelativeClock) -> Rates<FakeRelativeClock> {
        let section = ApiSection {
            requests_per_minute: NonZeroU32::new(60).unwrap(),
            burst: NonZeroU32::new(3).unwrap(),
        };
        Rates::with_clock(&section, clock.clone())
    }

    #[test]
    fn holds_each_caller_to_its_own_bucket_and_refills_it() {
        let clock = FakeRelativeClock::default();
        let rates = rates(&clock);
        let may = |caller| rates.spend(caller, &Meter::default()).is_ok();

        assert_eq!([(); 4].map(|()| may("a")), [true, true, true, false]);
        assert!(may("b"));
        clock.advance(Duration::from_secs(1));
        assert_eq!([(); 2].map(|()| may("a")), [true, false]);
    }

    #[test]
    fn shows_policy_and_what_is_left() {
        let rates = rates(&FakeRelativeClock::default());
        let (meter, mut headers) = (Meter::default(), HeaderMap::new());

        rates.spend("a", &meter).unwrap();
        meter.show(&mut headers);

        assert_eq!(headers[RATE_LIMIT_POLICY], "\"caller\";q=3;w=3");
        assert_eq!(headers[RATE_LIMIT], "\"caller\";r=2;t=1");
    }

    #[test]
    fn says_when_to_come_again() {
        let rates = rates(&FakeRelativeClock::default());
        let meter = Meter::default();
        let refused = (0..4).find_map(|_| rates.spend("a", &meter).err());

        let response = refused.unwrap().into_response();

        assert_eq!(response.status().as_u16(), 429);
        assert_eq!(response.headers()["retry-after"], "1");
    }

    #[test]
    fn forgets_callers_who_went_away() {
        let clock = FakeRelativeClock::default();
        let rates = rates(&clock);
        for caller in 0..SPENT_BETWEEN_CLEANINGS {
            rates.spend(&caller.to_string(), &Meter::default()).unwrap();
        }

        clock.advance(Duration::from_secs(60));
        rates.spend("last", &Meter::default()).unwrap();

        assert_eq!(rates.buckets.len(), 1);
    }
}
