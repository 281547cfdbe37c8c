//! Watching the system's clock: it may be set, or wrong from the start.
//!
//! Nobody can tell which of two times is right. But what is removed stays removed, so pruning
//! waits where the clock went further than time did, until it has kept to that for a day.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ca_pki::Timestamp;

/// The clock that is set, held against the one that nobody sets.
pub(crate) struct ClockWatch(Mutex<Observed>);

struct Observed {
    latest: Reading,
    /// Before the doubt, if there is one.
    trusted: Reading,
    doubted_since: Option<Instant>,
}

/// Both clocks at one moment.
#[derive(Clone, Copy)]
struct Reading {
    at: Timestamp,
    moment: Instant,
}

/// What the clock did since it was read before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Nothing to speak of.
    Steady,
    /// It was set, by so many seconds.
    Set(i64),
    /// It is so many seconds away from where it must be: what depends on it waits.
    Doubted(i64),
    /// It is back, or has kept to its time for so long that it is believed.
    Trusted,
}

impl ClockWatch {
    /// Begins with the newest moment that the audit log knows of, where there is one: a machine may
    /// start with a wrong clock.
    pub(crate) fn begin(newest: Option<Timestamp>, now: Timestamp, moment: Instant) -> Self {
        // From the start, or the first jump could not be told from a series that was not there.
        jumps().increment(0);
        let latest = Reading { at: now, moment };
        let at = newest.filter(|newest| is_strange(*newest, now));
        Self(Mutex::new(Observed {
            latest,
            trusted: Reading {
                at: at.unwrap_or(now),
                moment,
            },
            doubted_since: at.map(|_strange| moment),
        }))
    }

    /// Reads both clocks.
    pub(crate) fn observe(&self, now: Timestamp, moment: Instant) -> Finding {
        let reading = Reading { at: now, moment };
        let mut observed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let step = observed.latest.error_of(reading);
        let error = observed.trusted.error_of(reading);
        observed.latest = reading;
        let doubted_for = observed
            .doubted_since
            .map(|since| moment.saturating_duration_since(since));
        let is_off = error.unsigned_abs() > MOST_OFF.as_secs();
        match (is_off, doubted_for) {
            (true, None) => {
                observed.doubted_since = Some(moment);
                Finding::Doubted(error)
            }
            (true, Some(span)) if span < PROBATION && step.unsigned_abs() <= NOTICED => {
                Finding::Steady
            }
            // Its probation begins anew.
            (true, Some(span)) if span < PROBATION => {
                observed.doubted_since = Some(moment);
                Finding::Doubted(error)
            }
            (true, Some(_)) | (false, Some(_)) => {
                observed.doubted_since = None;
                observed.trusted = reading;
                Finding::Trusted
            }
            (false, None) => {
                observed.trusted = reading;
                match step.unsigned_abs() <= NOTICED {
                    true => Finding::Steady,
                    false => Finding::Set(step),
                }
            }
        }
    }

    /// Returns whether what is removed by the clock may be removed.
    pub(crate) fn is_trusted(&self) -> bool {
        let observed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        observed.doubted_since.is_none()
    }
}

impl Finding {
    /// Tells the operator.
    pub(crate) fn report(self) {
        match self {
            Self::Steady => return,
            Self::Set(by_secs) => tracing::warn!(by_secs, "the system's clock was set"),
            Self::Doubted(off_by_secs) => tracing::error!(
                off_by_secs,
                "the system's clock is far from where it should be: nothing is pruned for a day, \
                 and what is issued now is as wrong as the clock"
            ),
            Self::Trusted => tracing::warn!("the system's clock is trusted again"),
        }
        jumps().increment(1);
    }
}

fn jumps() -> metrics::Counter {
    metrics::counter!("ca_clock_jumps_total")
}

impl Reading {
    /// How far `later` is from where this reading lets expect it, in seconds.
    fn error_of(self, later: Self) -> i64 {
        let elapsed = later.moment.saturating_duration_since(self.moment);
        let expected = self.at.plus(elapsed);
        later.at.unix_secs().saturating_sub(expected.unix_secs())
    }
}

/// A server that was off for long, or one whose clock is wrong; or one behind its own past.
fn is_strange(newest: Timestamp, now: Timestamp) -> bool {
    now.since(newest) > LONGEST_OFF || newest.since(now) > MOST_OFF
}

/// What a clock that is kept by others may be set by, whole time zones left out.
const MOST_OFF: Duration = Duration::from_secs(30 * 60);
const NOTICED: u64 = 5;
const PROBATION: Duration = Duration::from_secs(24 * 3_600);
/// Each server publishes CRLs each hour, so its newest event is young unless it was off.
const LONGEST_OFF: Duration = Duration::from_secs(14 * 24 * 3_600);

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_unix_secs(1_800_000_000);
    const YEAR: i64 = 365 * 24 * 3_600;
    const HOUR: u64 = 3_600;

    /// Reads `(seconds passed, seconds that the clock is off)` one after the other.
    fn findings(newest: Option<Timestamp>, readings: &[(u64, i64)]) -> Vec<(Finding, bool)> {
        let begin = Instant::now();
        let watch = ClockWatch::begin(newest, START, begin);
        let found = readings.iter().map(|(passed, off)| {
            let passed = Duration::from_secs(*passed);
            let at = Timestamp::from_unix_secs(START.plus(passed).unix_secs() + off);
            let finding = watch.observe(at, begin + passed);
            (finding, watch.is_trusted())
        });
        found.collect()
    }

    #[test]
    fn trusts_a_clock_that_goes_as_time_does() {
        let found = findings(Some(START), &[(10, 0), (20, 1), (100 * HOUR, 0)]);

        assert_eq!(found, [(Finding::Steady, true); 3]);
    }

    #[test]
    fn notes_that_the_clock_was_set_by_minutes() {
        let found = findings(None, &[(10, 300), (20, 300), (30, 0)]);

        let expected = [Finding::Set(300), Finding::Steady, Finding::Set(-300)];
        assert_eq!(found, expected.map(|finding| (finding, true)));
    }

    #[test]
    fn doubts_a_clock_that_jumps_by_years_until_it_is_back() {
        for off in [YEAR, -YEAR] {
            let found = findings(None, &[(10, off), (20, off), (30, 0), (40, 0)]);

            let expected = [
                (Finding::Doubted(off), false),
                (Finding::Steady, false),
                (Finding::Trusted, true),
                (Finding::Steady, true),
            ];
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn believes_a_jump_that_lasts_for_a_day() {
        let found = findings(
            None,
            &[
                (10, YEAR),
                (23 * HOUR, YEAR),
                (25 * HOUR, YEAR),
                (26 * HOUR, YEAR),
            ],
        );

        let expected = [
            (Finding::Doubted(YEAR), false),
            (Finding::Steady, false),
            (Finding::Trusted, true),
            (Finding::Steady, true),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn begins_the_day_anew_at_each_jump() {
        let twice = 2 * YEAR;
        let found = findings(None, &[(10, YEAR), (20 * HOUR, twice), (30 * HOUR, twice)]);

        let expected = [
            (Finding::Doubted(YEAR), false),
            (Finding::Doubted(twice), false),
            (Finding::Steady, false),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn doubts_a_start_long_after_and_before_the_newest_event() {
        let years = Duration::from_secs(YEAR.unsigned_abs());
        for newest in [START.minus(years), START.plus(years)] {
            let found = findings(Some(newest), &[(10, 0), (25 * HOUR, 0)]);

            assert_eq!(found, [(Finding::Steady, false), (Finding::Trusted, true)]);
        }
    }
}
