//! How often each caller may ask, and the headers that say so.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use ca_identity::buckets::{Buckets, Rate};

use crate::config::ApiSection;
use crate::http::limits::TooMany;
use crate::http::problem::api::Problem;

/// Counts requests by caller.
pub(crate) struct Rates {
    buckets: Buckets<String>,
    rate: Rate,
    per_minute: u32,
}

/// What is left of a caller's bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowance {
    /// Who has it: the caller, or everyone at its address.
    of: &'static str,
    rate: Rate,
    remaining: u32,
}

/// Where a request's allowance is noted, for the headers of its answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter(Arc<OnceLock<Allowance>>);

impl Rates {
    /// Makes full buckets for everyone.
    pub(crate) fn new(section: &ApiSection) -> Self {
        let rate = Rate::new(section.requests_per_minute, section.burst);
        Self {
            buckets: Buckets::new("callers", Some(rate)),
            rate,
            per_minute: section.requests_per_minute.get(),
        }
    }

    /// Takes one request out of `caller`'s bucket and notes what is left on `meter`.
    pub(super) fn spend(&self, caller: &str, meter: &Meter) -> Result<(), Problem> {
        let drawn = self.buckets.draw(&caller.to_owned());
        // Where a client exchanges somebody's token both spend: the first note stands.
        let _ = meter.0.set(Allowance {
            of: "caller",
            rate: self.rate,
            remaining: drawn.unwrap_or(0),
        });
        drawn.map(drop).map_err(|wait| {
            let detail = format!("more than {} requests a minute", self.per_minute);
            Problem::rate_limited(detail, wait)
        })
    }
}

impl Meter {
    /// Notes that an address has nothing left.
    pub(super) fn note(&self, too_many: TooMany) {
        let _ = self.0.set(Allowance {
            of: "address",
            rate: too_many.rate,
            remaining: 0,
        });
    }

    /// Puts what was noted into a response's headers (draft-ietf-httpapi-ratelimit-headers).
    pub(super) fn show(&self, headers: &mut HeaderMap) {
        let Some(allowance) = self.0.get() else {
            return;
        };
        let Allowance {
            of,
            rate,
            remaining,
        } = *allowance;
        let (burst, window) = (rate.burst(), whole_secs(rate.refilled_in()));
        let policy = format!("\"{of}\";q={burst};w={window}");
        let full_in = whole_secs(rate.full_in(remaining));
        let state = format!("\"{of}\";r={remaining};t={full_in}");
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

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use axum::response::IntoResponse;

    use super::*;

    fn rates() -> Rates {
        Rates::new(&ApiSection {
            requests_per_minute: NonZeroU32::MIN,
            burst: NonZeroU32::new(3).unwrap(),
        })
    }

    #[test]
    fn holds_each_caller_to_its_own_bucket() {
        let rates = rates();
        let may = |caller| rates.spend(caller, &Meter::default()).is_ok();

        assert_eq!([(); 4].map(|()| may("a")), [true, true, true, false]);
        assert!(may("b"));
    }

    #[test]
    fn shows_policy_and_what_is_left() {
        let (meter, mut headers) = (Meter::default(), HeaderMap::new());

        rates().spend("a", &meter).unwrap();
        meter.show(&mut headers);

        assert_eq!(headers[RATE_LIMIT_POLICY], "\"caller\";q=3;w=180");
        assert_eq!(headers[RATE_LIMIT], "\"caller\";r=2;t=60");
    }

    #[test]
    fn says_when_to_come_again() {
        let rates = rates();
        let meter = Meter::default();
        let refused = (0..4).find_map(|_| rates.spend("a", &meter).err());

        let response = refused.unwrap().into_response();

        assert_eq!(response.status().as_u16(), 429);
        let wait: u64 = response.headers()["retry-after"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
    }
}
