//! Time in DER: UTCTime through 2049, GeneralizedTime from 2050 on (RFC 5280 §4.1.2.5).

use super::{GENERALIZED_TIME, NotDer, Tlv, UTC_TIME};
use crate::Timestamp;

/// How many octets [`push_time`] appends at most.
pub(crate) const MAX_TIME_BYTES: usize = 17;

/// Appends a Time as certificates and CRLs hold it.
pub(crate) fn push_time(out: &mut Vec<u8>, moment: Timestamp) {
    let civil = Civil::from_timestamp(moment);
    if !(1950..=2049).contains(&civil.year) {
        return push_generalized_time(out, moment);
    }
    out.extend_from_slice(&[UTC_TIME, 13]);
    push_pair(out, civil.year % 100);
    civil.push_rest(out);
}

/// Appends a GeneralizedTime as OCSP holds it: whole seconds, UTC.
pub(crate) fn push_generalized_time(out: &mut Vec<u8>, moment: Timestamp) {
    let civil = Civil::from_timestamp(moment);
    out.extend_from_slice(&[GENERALIZED_TIME, 15]);
    push_pair(out, civil.year / 100);
    push_pair(out, civil.year % 100);
    civil.push_rest(out);
}

/// Reads a Time: UTCTime or GeneralizedTime, each in the one form that RFC 5280 allows.
pub(crate) fn read_time(tlv: Tlv<'_>) -> Result<Timestamp, NotDer> {
    let digits = tlv.value.strip_suffix(b"Z").ok_or(NotDer)?;
    let pairs: Vec<i64> = digits.chunks(2).map(read_pair).collect::<Result<_, _>>()?;
    let (year, rest) = match (tlv.tag, pairs.as_slice()) {
        (UTC_TIME, [year, rest @ ..]) => (if *year < 50 { 2000 } else { 1900 } + year, rest),
        (GENERALIZED_TIME, [century, year, rest @ ..]) => (century * 100 + year, rest),
        (_, _) => return Err(NotDer),
    };
    let [month, day, hour, minute, second] = *rest else {
        return Err(NotDer);
    };
    let civil = Civil {
        year,
        month,
        day,
        second: (hour * 60 + minute) * 60 + second,
    };
    let moment = civil.to_timestamp();
    let in_range = hour < 24 && minute < 60 && second < 60;
    // A day that its month does not have comes back as another one.
    if in_range && Civil::from_timestamp(moment) == civil {
        Ok(moment)
    } else {
        Err(NotDer)
    }
}

/// A date of the Gregorian calendar and the second of its day.
#[derive(Debug, PartialEq, Eq)]
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    second: i64,
}

impl Civil {
    /// Moments outside the years 0 to 9999, which DER cannot write, become the nearest inside.
    fn from_timestamp(moment: Timestamp) -> Self {
        let secs = moment.unix_secs().clamp(YEAR_0, END_OF_YEAR_9999);
        // Years that begin in March put the leap day last, so that days of a year follow a line.
        let days = secs.div_euclid(DAY_SECS) + DAYS_FROM_MARCH_0_TO_1970;
        let era = days.div_euclid(ERA_DAYS);
        let day_of_era = days.rem_euclid(ERA_DAYS);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let month = if march_month < 10 {
            march_month + 3
        } else {
            march_month - 9
        };
        Self {
            year: era * 400 + year_of_era + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * march_month + 2) / 5 + 1,
            second: secs.rem_euclid(DAY_SECS),
        }
    }

    fn to_timestamp(&self) -> Timestamp {
        let year = if self.month <= 2 {
            self.year - 1
        } else {
            self.year
        };
        let march_month = if self.month > 2 {
            self.month - 3
        } else {
            self.month + 9
        };
        let day_of_year = (153 * march_month + 2) / 5 + self.day - 1;
        let days = 365 * year + year.div_euclid(4) - year.div_euclid(100)
            + year.div_euclid(400)
            + day_of_year
            - DAYS_FROM_MARCH_0_TO_1970;
        Timestamp::from_unix_secs(days * DAY_SECS + self.second)
    }

    /// Appends everything after the year.
    fn push_rest(&self, out: &mut Vec<u8>) {
        push_pair(out, self.month);
        push_pair(out, self.day);
        push_pair(out, self.second / 3_600);
        push_pair(out, self.second / 60 % 60);
        push_pair(out, self.second % 60);
        out.push(b'Z');
    }
}

fn push_pair(out: &mut Vec<u8>, number: i64) {
    out.push(b'0' + (number / 10 % 10) as u8);
    out.push(b'0' + (number % 10) as u8);
}

fn read_pair(pair: &[u8]) -> Result<i64, NotDer> {
    match pair {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            Ok(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
        }
        _ => Err(NotDer),
    }
}

const DAY_SECS: i64 = 86_400;
const ERA_DAYS: i64 = 146_097;
const DAYS_FROM_MARCH_0_TO_1970: i64 = 719_468;
const YEAR_0: i64 = -62_167_219_200;
const END_OF_YEAR_9999: i64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlv::Cursor;

    fn encoded(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        push_time(
            &mut out,
            Timestamp::parse_rfc3339(text).expect("the test's time is valid"),
        );
        out
    }

    #[test]
    fn writes_utc_time_through_2049_and_generalized_time_after() {
        assert_eq!(encoded("2026-11-21T23:52:01Z"), b"\x17\x0d261121235201Z");
        assert_eq!(encoded("2049-12-31T23:59:59Z"), b"\x17\x0d491231235959Z");
        assert_eq!(encoded("2050-01-01T00:00:00Z"), b"\x18\x0f20500101000000Z");
        assert_eq!(encoded("1950-01-01T00:00:00Z"), b"\x17\x0d500101000000Z");
        assert_eq!(encoded("1949-12-31T23:59:59Z"), b"\x18\x0f19491231235959Z");
    }

    #[test]
    fn agrees_with_the_time_crate_and_reads_back_what_it_wrote() {
        let a_prime_step = 86_400 * 13 + 12_347;
        for secs in (-2_000_000_000..8_000_000_000).step_by(a_prime_step) {
            let moment = Timestamp::from_unix_secs(secs);
            let mut out = Vec::new();

            push_time(&mut out, moment);

            let tlv = Cursor::new(&out).any().expect("it is DER");
            assert_eq!(read_time(tlv), Ok(moment));
            let digits: String = moment
                .to_string()
                .chars()
                .filter(char::is_ascii_digit)
                .collect();
            let written = std::str::from_utf8(tlv.value).expect("it is ASCII");
            assert!(
                digits.ends_with(written.trim_end_matches('Z')),
                "{digits} {written}"
            );
        }
    }

    #[test]
    fn keeps_moments_that_der_cannot_write_inside_its_years() {
        let mut out = Vec::new();

        push_time(&mut out, Timestamp::from_unix_secs(i64::MAX));

        assert_eq!(out, b"\x18\x0f99991231235959Z");
    }

    #[test]
    fn refuses_times_in_any_other_form() {
        for text in [
            "2611212352Z",
            "261121235201+0100",
            "261121235201",
            "261321235201Z",
            "261131235201Z",
            "261121245201Z",
            "26112123520aZ",
            "",
        ] {
            let tlv = Tlv {
                tag: UTC_TIME,
                value: text.as_bytes(),
                der: &[],
            };

            assert_eq!(read_time(tlv), Err(NotDer), "{text}");
        }
        let fraction = Tlv {
            tag: GENERALIZED_TIME,
            value: b"20261121235201.5Z",
            der: &[],
        };
        assert_eq!(read_time(fraction), Err(NotDer));
    }
}
