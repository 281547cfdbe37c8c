//! When a certificate should be renewed (RFC 9773).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_issuance::ledger::CertificateState;
use ca_pki::{Serial, Timestamp, Validity};

use crate::acme::Acme;
use crate::ownership::missing;
use crate::{Error, Problem};

/// A certificate's name in ARI: its issuer's key identifier and its serial (RFC 9773 §4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewalId {
    /// The keyIdentifier of the certificate's authorityKeyIdentifier.
    pub authority_key_identifier: Vec<u8>,
    /// The serial number.
    pub serial: Serial,
}

/// When to renew, and when to ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenewalInfo {
    /// From when.
    pub start: Timestamp,
    /// Until when; later than `start`.
    pub end: Timestamp,
    /// How long this answer holds.
    pub retry_after: Duration,
}

impl Acme {
    /// Suggests when to renew the certificate; anybody may ask (RFC 9773 §4.1).
    pub async fn renewal_info(&self, unverified_id: &str) -> Result<RenewalInfo, Error> {
        let id = RenewalId::parse(unverified_id)?;
        let record = self.certificate_named(&id).await?;
        let record = record.ok_or_else(|| missing("certificate"))?;
        Ok(match record.state {
            CertificateState::Revoked { at, .. } | CertificateState::Burned { at } => {
                RenewalInfo::revoked(record.validity, at)
            }
            CertificateState::Valid | CertificateState::Intended => {
                RenewalInfo::regular(record.validity)
            }
        })
    }
}

impl RenewalId {
    /// Parses base64url(AKI) `.` base64url(serial), both without padding; one text per name.
    pub fn parse(unverified_text: &str) -> Result<Self, Problem> {
        parse(unverified_text).ok_or_else(|| {
            Problem::malformed(
                "a certificate is named by base64url of its authority key identifier, a dot, and \
                 base64url of its serial number, both without padding (RFC 9773 §4.1)",
            )
        })
    }

    /// Returns the text that [`RenewalId::parse`] reads.
    pub fn text(&self) -> String {
        let mut serial = self.serial.as_be_bytes().to_vec();
        if serial.first().is_some_and(|octet| octet & 0x80 != 0) {
            serial.insert(0, 0);
        }
        format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(&self.authority_key_identifier),
            URL_SAFE_NO_PAD.encode(serial)
        )
    }
}

fn parse(text: &str) -> Option<RenewalId> {
    if text.len() > LONGEST_ID {
        return None;
    }
    let (key, serial) = text.split_once('.')?;
    let key = URL_SAFE_NO_PAD.decode(key).ok()?;
    let serial = URL_SAFE_NO_PAD.decode(serial).ok()?;
    if key.is_empty() || !is_positive_integer(&serial) {
        return None;
    }
    Some(RenewalId {
        authority_key_identifier: key,
        serial: Serial::from_be_bytes(&serial).ok()?,
    })
}

/// Tells whether these are the content octets of a positive DER INTEGER, in its only form.
fn is_positive_integer(octets: &[u8]) -> bool {
    match octets {
        [] | [0] => false,
        [0, second, ..] => *second >= 0x80,
        [first, ..] => *first < 0x80,
    }
}

impl RenewalInfo {
    /// Suggests the sixth of the lifetime before its half: hourly timers still hit it, the centre
    /// stays before the half, and a day's certificate has twelve hours left to fail in.
    ///
    /// The start is never at or before notBefore: cert-manager ignores such windows.
    pub(crate) fn regular(validity: Validity) -> Self {
        let life = validity.lifetime();
        let start = validity.not_before.plus((life / 3).max(SECOND));
        let end = validity.not_before.plus(life / 2).max(start.plus(SECOND));
        Self {
            start,
            end,
            retry_after: (life / 24).clamp(SHORTEST_RETRY, LONGEST_RETRY),
        }
    }

    /// Suggests at once: a window that is over when the certificate is revoked.
    pub(crate) fn revoked(validity: Validity, revoked_at: Timestamp) -> Self {
        let start = validity.not_before.plus(SECOND);
        Self {
            start,
            end: revoked_at.max(start.plus(SECOND)),
            retry_after: LONGEST_RETRY,
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);
const SHORTEST_RETRY: Duration = Duration::from_secs(60);
const LONGEST_RETRY: Duration = Duration::from_secs(60 * 60);
/// 20 octets each take 27 characters; other CAs' key identifiers may be longer.
const LONGEST_ID: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn validity(lifetime_secs: u64) -> Validity {
        let not_before = Timestamp::from_unix_secs(1_800_000_000);
        Validity {
            not_before,
            not_after: not_before.plus(Duration::from_secs(lifetime_secs)),
        }
    }

    #[test]
    fn reads_the_example_of_the_rfc() {
        let text = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE";

        let id = RenewalId::parse(text).unwrap();

        assert_eq!(id.serial.to_string(), "87654321");
        assert_eq!(id.authority_key_identifier.len(), 20);
        assert_eq!(id.text(), text);
    }

    #[test]
    fn refuses_every_other_text() {
        for text in [
            "",
            ".",
            "aYhba4dGQEHhs3uEe6CuLN4ByNQ",
            "aYhba4dGQEHhs3uEe6CuLN4ByNQ.",
            ".AIdlQyE",
            "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE=",
            "aYhba4dGQEHhs3uEe6CuLN4ByNQ=.AIdlQyE",
            "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE.AA",
            "aYhba4dGQEHhs3uEe6CuLN4ByN+.AIdlQyE",
            "aYhba4dGQEHhs3uEe6CuLN4ByNQ.h2VDIQ",
            "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AAE",
            "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AA",
            "aYhba4dGQEHhs3uEe6CuLN4ByNR.AIdlQyE",
            &format!("{0}.{0}", "f".repeat(2_000)),
        ] {
            assert!(RenewalId::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_window_lies_after_not_before_and_ends_by_half_of_the_lifetime() {
        for lifetime in [10, 60, 300, 3_600, 86_400, 90 * 86_400] {
            let validity = validity(lifetime);

            let info = RenewalInfo::regular(validity);

            assert!(info.start > validity.not_before, "{lifetime}");
            assert!(info.start < info.end, "{lifetime}");
            assert!(
                info.end <= validity.not_before.plus(validity.lifetime() / 2),
                "{lifetime}"
            );
            assert!(info.retry_after <= LONGEST_RETRY, "{lifetime}");
        }
    }

    #[test]
    fn a_lifetime_of_seconds_still_has_a_window() {
        for lifetime in 0..6 {
            let validity = validity(lifetime);

            let info = RenewalInfo::regular(validity);

            assert!(validity.not_before < info.start && info.start < info.end);
        }
    }

    #[test]
    fn a_revoked_certificate_is_to_be_renewed_at_once() {
        let validity = validity(86_400);
        let revoked_at = validity.not_before.plus(Duration::from_secs(90));

        let info = RenewalInfo::revoked(validity, revoked_at);

        assert!(validity.not_before < info.start && info.start < info.end);
        assert_eq!(info.end, revoked_at);
    }
}
