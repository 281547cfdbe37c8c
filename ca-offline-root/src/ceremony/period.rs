//! From when to when something holds.

use ca_pki::{Timestamp, Validity};
use serde::Deserialize;
use std::time::Duration;
use time::{Date, Month, OffsetDateTime};

use crate::Error;

/// `[validity]`: either `lifetime` or `not_after`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Period {
    /// The first moment, for example `2026-11-22T00:00:00Z`. Default: the time of the ceremony.
    not_before: Option<String>,
    /// How long, for example `20y`, `400d` or `24h`; years end on the same day of the year.
    lifetime: Option<String>,
    /// The last moment, for example `2046-11-22T00:00:00Z`.
    not_after: Option<String>,
}

impl Period {
    /// Returns both ends; `now` is the first unless the file names another.
    pub(crate) fn resolve(&self, now: Timestamp) -> Result<Validity, Error> {
        let not_before = match &self.not_before {
            None => now,
            Some(text) => moment("not_before", text)?,
        };
        let not_after = match (&self.lifetime, &self.not_after) {
            (Some(span), None) => after(not_before, span)?,
            (None, Some(text)) => moment("not_after", text)?,
            (None, None) | (Some(_), Some(_)) => {
                return Err(refused("give either lifetime or not_after in [validity]"));
            }
        };
        if not_after <= not_before {
            return Err(refused("the validity ends before it begins"));
        }
        Ok(Validity {
            not_before,
            not_after,
        })
    }
}

/// Reads a moment; `key` is named if it is none.
pub(crate) fn moment(key: &str, text: &str) -> Result<Timestamp, Error> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| {
        refused(&format!(
            "{key} = {text:?} is not like 2026-11-22T00:00:00Z"
        ))
    })
}

fn after(start: Timestamp, span: &str) -> Result<Timestamp, Error> {
    let wrong = || refused(&format!("lifetime = {span:?} is not like 20y, 400d or 24h"));
    let unit = span.chars().last().ok_or_else(wrong)?;
    let number = span.strip_suffix(unit).unwrap_or_default();
    let number: u32 = number.parse().map_err(|_| wrong())?;
    // 9999 is where X.509 time ends; no span needs to be longer than the way there.
    let hours = |each: u64| start.plus(Duration::from_secs(u64::from(number) * each * 3600));
    match unit {
        'h' => Ok(hours(1)),
        'd' => Ok(hours(24)),
        'y' => years_after(start, number).ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

/// The same day of the year and time; 29 February becomes 28 February.
fn years_after(start: Timestamp, years: u32) -> Option<Timestamp> {
    let start = OffsetDateTime::from_unix_timestamp(start.unix_secs()).ok()?;
    let year = start.year().checked_add(i32::try_from(years).ok()?)?;
    let same_day = Date::from_calendar_date(year, start.month(), start.day());
    let date = same_day
        .or_else(|_| Date::from_calendar_date(year, Month::February, 28))
        .ok()?;
    Some(Timestamp::from_unix_secs(
        start.replace_date(date).unix_timestamp(),
    ))
}

fn refused(reason: &str) -> Error {
    Error::Ceremony(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_secs(1_795_305_120);

    fn resolved(text: &str) -> Result<String, String> {
        let period: Period = toml::from_str(text).unwrap();
        match period.resolve(NOW) {
            Ok(validity) => Ok(format!("{} {}", validity.not_before, validity.not_after)),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn begins_now_and_counts_years_by_the_calendar() {
        let both = resolved("lifetime = \"20y\"").unwrap();

        assert_eq!(both, "2026-11-21T23:52:00Z 2046-11-21T23:52:00Z");
    }

    #[test]
    fn takes_both_ends_from_the_file() {
        let text = "not_before = \"2028-02-29T00:00:00Z\"\nlifetime = \"1y\"";
        let days = "not_before = \"2028-02-29T00:00:00Z\"\nlifetime = \"2d\"";
        let until = "not_after = \"2027-01-01T00:00:00Z\"";

        assert_eq!(
            resolved(text).unwrap(),
            "2028-02-29T00:00:00Z 2029-02-28T00:00:00Z"
        );
        assert_eq!(
            resolved(days).unwrap(),
            "2028-02-29T00:00:00Z 2028-03-02T00:00:00Z"
        );
        assert_eq!(
            resolved(until).unwrap(),
            "2026-11-21T23:52:00Z 2027-01-01T00:00:00Z"
        );
    }

    #[test]
    fn refuses_what_is_no_span() {
        for text in [
            "",
            "lifetime = \"20y\"\nnot_after = \"2027-01-01T00:00:00Z\"",
            "lifetime = \"20\"",
            "lifetime = \"y\"",
            "lifetime = \"-1d\"",
            "lifetime = \"0d\"",
            "lifetime = \"5é\"",
            "lifetime = \"4000000000y\"",
            "not_after = \"tomorrow\"",
            "not_after = \"2020-01-01T00:00:00Z\"",
        ] {
            assert!(resolved(text).is_err(), "{text}");
        }
    }
}
