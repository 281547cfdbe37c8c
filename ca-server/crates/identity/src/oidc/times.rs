//! The times of a token (RFC 7519 §4.1), against the clock that was handed in.

use std::time::Duration;

use ca_pki::Timestamp;
use serde_json::{Map, Value};

use crate::LoginFailure;

/// By how much clocks may differ.
pub(super) const SKEW: Duration = Duration::from_secs(30);

/// Checks `exp`, `nbf` and `iat`, the span between them included; returns `exp`.
pub(super) fn check(
    claims: &Map<String, Value>,
    max_lifetime: Duration,
    now: Timestamp,
) -> Result<Timestamp, LoginFailure> {
    let expires_at = moment(claims, "exp")?.ok_or(LoginFailure::TimeMissing("exp"))?;
    let issued_at = moment(claims, "iat")?.ok_or(LoginFailure::TimeMissing("iat"))?;
    let not_before = moment(claims, "nbf")?.unwrap_or(issued_at);
    if expires_at.plus(SKEW) <= now {
        return Err(LoginFailure::Expired);
    }
    if issued_at.max(not_before) > now.plus(SKEW) {
        return Err(LoginFailure::NotYetValid);
    }
    if expires_at <= issued_at {
        return Err(LoginFailure::Malformed("its exp is not after its iat"));
    }
    if expires_at.since(issued_at) > max_lifetime {
        return Err(LoginFailure::LifetimeTooLong);
    }
    Ok(expires_at)
}

/// Reads a NumericDate: seconds since 1970, maybe with a fraction, which is cut off.
fn moment(claims: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, LoginFailure> {
    const NOT_A_TIME: LoginFailure = LoginFailure::Malformed("its exp, nbf or iat is not a time");
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let secs = match (value.as_i64(), value.as_f64()) {
        (Some(secs), _) => secs,
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the range is checked, and the fraction is to be cut off"
        )]
        (None, Some(secs)) if secs.abs() <= LATEST as f64 => secs as i64,
        (None, Some(_) | None) => return Err(NOT_A_TIME),
    };
    if !(0..=LATEST).contains(&secs) {
        return Err(NOT_A_TIME);
    }
    Ok(Some(Timestamp::from_unix_secs(secs)))
}

/// The end of the year 9999, where RFC 3339 ends.
const LATEST: i64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn judged(claims: Value) -> Result<i64, LoginFailure> {
        let Value::Object(claims) = claims else {
            panic!("claims are an object");
        };
        let now = Timestamp::from_unix_secs(NOW);
        check(&claims, Duration::from_secs(3_600), now).map(Timestamp::unix_secs)
    }

    #[test]
    fn takes_tokens_in_their_time_and_half_a_minute_around_it() {
        for claims in [
            json!({"iat": NOW, "exp": NOW + 3_600}),
            json!({"iat": NOW - 60, "nbf": NOW - 65, "exp": NOW + 300}),
            json!({"iat": NOW + 30, "nbf": NOW + 30, "exp": NOW + 300}),
            json!({"iat": NOW - 300, "exp": NOW - 29}),
            json!({"iat": NOW as f64 - 0.5, "exp": NOW as f64 + 300.5}),
        ] {
            assert!(judged(claims.clone()).is_ok(), "{claims}");
        }
    }

    #[test]
    fn refuses_each_wrong_time_for_its_own_reason() {
        let malformed = LoginFailure::Malformed("its exp, nbf or iat is not a time");
        for (claims, failure) in [
            (json!({"iat": NOW}), LoginFailure::TimeMissing("exp")),
            (json!({"exp": NOW + 60}), LoginFailure::TimeMissing("iat")),
            (
                json!({"iat": NOW - 300, "exp": NOW - 30}),
                LoginFailure::Expired,
            ),
            (
                json!({"iat": NOW + 31, "exp": NOW + 60}),
                LoginFailure::NotYetValid,
            ),
            (
                json!({"iat": NOW, "nbf": NOW + 31, "exp": NOW + 60}),
                LoginFailure::NotYetValid,
            ),
            (
                json!({"iat": NOW - 1, "exp": NOW + 3_600}),
                LoginFailure::LifetimeTooLong,
            ),
            (
                json!({"iat": NOW, "exp": NOW}),
                LoginFailure::Malformed("its exp is not after its iat"),
            ),
            (json!({"iat": NOW, "exp": "soon"}), malformed.clone()),
            (json!({"iat": NOW, "exp": i64::MAX}), malformed.clone()),
            (json!({"iat": NOW, "exp": u64::MAX}), malformed.clone()),
            (json!({"iat": NOW, "exp": 1e300}), malformed.clone()),
            (json!({"iat": -1, "exp": NOW + 60}), malformed.clone()),
            (json!({"iat": null, "exp": NOW + 60}), malformed.clone()),
            (
                json!({"iat": NOW, "nbf": [], "exp": NOW + 60}),
                malformed.clone(),
            ),
        ] {
            assert_eq!(judged(claims.clone()), Err(failure), "{claims}");
        }
    }
}
