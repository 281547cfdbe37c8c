//! Moments as certificates know them: whole seconds, UTC.

use std::fmt;
use std::time::Duration;

use ::time::OffsetDateTime;
use ::time::format_description::well_known::Rfc3339;

/// A moment in whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Wraps seconds since the Unix epoch.
    pub const fn from_unix_secs(secs: i64) -> Self {
        Self(secs)
    }

    /// Returns seconds since the Unix epoch.
    pub const fn unix_secs(self) -> i64 {
        self.0
    }

    /// Parses RFC 3339 text; fractions of a second are cut off. `None` if it is not a moment.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        Some(Self(moment.unix_timestamp()))
    }

    /// Returns the moment `span` later, at most the end of time.
    #[must_use]
    pub const fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(saturating_secs(span)))
    }

    /// Returns the moment `span` earlier, at least the beginning of time.
    #[must_use]
    pub const fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(saturating_secs(span)))
    }

    /// Returns the span from `earlier` to this moment; zero if `earlier` is the later one.
    pub fn since(self, earlier: Self) -> Duration {
        let secs = self.0.saturating_sub(earlier.0);
        Duration::from_secs(u64::try_from(secs).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    /// Writes RFC 3339 in UTC: `2026-11-21T23:52:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = OffsetDateTime::from_unix_timestamp(self.0)
            .ok()
            .and_then(|moment| moment.format(&Rfc3339).ok());
        match text {
            Some(text) => f.write_str(&text),
            None => write!(f, "@{}", self.0),
        }
    }
}

/// The span in which a certificate, CRL or answer holds. Both ends are inside (RFC 5280 §4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub not_before: Timestamp,
    /// The last second.
    pub not_after: Timestamp,
}

impl Validity {
    /// Returns whether `moment` lies inside, both ends included.
    pub fn contains(&self, moment: Timestamp) -> bool {
        self.not_before <= moment && moment <= self.not_after
    }

    /// Returns `notAfter - notBefore`, the lifetime as configurations state it.
    pub fn lifetime(&self) -> Duration {
        self.not_after.since(self.not_before)
    }
}

const fn saturating_secs(span: Duration) -> i64 {
    let secs = span.as_secs();
    if secs > i64::MAX as u64 {
        i64::MAX
    } else {
        secs as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_parses_rfc3339() {
        let moment = Timestamp::from_unix_secs(1_795_305_120);

        let text = moment.to_string();

        assert_eq!(text, "2026-11-21T23:52:00Z");
        assert_eq!(Timestamp::parse_rfc3339(&text), Some(moment));
    }

    #[test]
    fn never_overflows() {
        let end = Timestamp::from_unix_secs(i64::MAX);

        assert_eq!(end.plus(Duration::MAX), end);
        assert_eq!(Timestamp::from_unix_secs(0).since(end), Duration::ZERO);
    }
}
