//! Lists of certificates: filters, pages and the cursor between them.

use std::fmt;
use std::str::FromStr;

use ca_pki::{Identifier, Serial, Timestamp};

use super::{CertificateRecord, CertificateState};

/// Which certificates to list. Every filter that is set must hold.
#[derive(Clone, Debug)]
pub struct CertificateQuery {
    /// What counts as now for `status`.
    pub moment: Timestamp,
    /// Where they stand.
    pub status: Option<CertificateStatus>,
    /// The profile's name.
    pub profile: Option<String>,
    /// The issuer's configured name.
    pub issuer: Option<String>,
    /// A name that they hold, exactly.
    pub identifier: Option<Identifier>,
    /// Which identity asked, whatever it acted through: confines a caller to its own.
    pub requester: Option<String>,
    /// Who asked: an actor's whole text, or the name before ` via `.
    pub requested_by: Option<String>,
    /// notAfter lies before.
    pub expires_before: Option<Timestamp>,
    /// The serial was spent at this moment or later.
    pub recorded_since: Option<Timestamp>,
    /// How many at most.
    pub limit: u32,
    /// Where the page before ended.
    pub cursor: Option<CertificateCursor>,
}

/// Where a signed certificate stands at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertificateStatus {
    /// In its time and not revoked.
    Valid,
    /// Past its notAfter and not revoked.
    Expired,
    /// Revoked, whatever its notAfter.
    Revoked,
}

/// Some certificates, newest first.
#[derive(Clone, Debug)]
pub struct CertificatePage {
    /// The certificates.
    pub certificates: Vec<CertificateRecord>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<CertificateCursor>,
}

/// A place in the list: after this certificate.
///
/// The list is ordered by serial, which begins with the time: what is issued between two pages
/// stands before the first, so no page repeats or skips a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateCursor {
    /// The serial.
    pub serial: Serial,
    /// The issuer's configured name.
    pub issuer: String,
}

/// Text that is not a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a cursor: take it from the page before")]
pub struct NotACursor;

impl CertificateQuery {
    /// Asks for the first `limit` certificates, whatever they are.
    pub fn all(moment: Timestamp, limit: u32) -> Self {
        Self {
            moment,
            status: None,
            profile: None,
            issuer: None,
            identifier: None,
            requester: None,
            requested_by: None,
            expires_before: None,
            recorded_since: None,
            limit,
            cursor: None,
        }
    }
}

impl CertificateStatus {
    /// Returns the name that the API uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl CertificateRecord {
    /// Returns where the certificate stands; `None` if it was never signed.
    pub fn status(&self, moment: Timestamp) -> Option<CertificateStatus> {
        match self.state {
            CertificateState::Valid if moment <= self.validity.not_after => {
                Some(CertificateStatus::Valid)
            }
            CertificateState::Valid => Some(CertificateStatus::Expired),
            CertificateState::Revoked { .. } => Some(CertificateStatus::Revoked),
            CertificateState::Intended | CertificateState::Burned { .. } => None,
        }
    }

    /// Returns the cursor of the page that begins after this certificate.
    pub fn cursor(&self) -> CertificateCursor {
        CertificateCursor {
            serial: self.serial.clone(),
            issuer: self.issuer.clone(),
        }
    }
}

impl CertificatePage {
    /// Makes a page of up to `limit` records out of up to one more, which shows that there is a
    /// next page.
    pub fn cut(mut certificates: Vec<CertificateRecord>, limit: u32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = certificates.len() > limit;
        certificates.truncate(limit);
        let last = certificates.last().filter(|_| has_more);
        let next = last.map(CertificateRecord::cursor);
        Self { certificates, next }
    }
}

impl fmt::Display for CertificateCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.serial, self.issuer)
    }
}

impl FromStr for CertificateCursor {
    type Err = NotACursor;

    fn from_str(unverified: &str) -> Result<Self, NotACursor> {
        let (serial, issuer) = unverified.split_once('.').ok_or(NotACursor)?;
        let is_name = !issuer.is_empty() && !issuer.contains(|c: char| c.is_control());
        if !is_name {
            return Err(NotACursor);
        }
        Ok(Self {
            serial: Serial::parse_hex(serial).map_err(|_| NotACursor)?,
            issuer: issuer.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_other_text_does_not() {
        let cursor = CertificateCursor {
            serial: Serial::parse_hex("010203").unwrap(),
            issuer: "tls.next".to_owned(),
        };

        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in ["", ".", "01", "01.", "xx.tls", ".tls", "00.tls", "01.t\0"] {
            assert_eq!(
                text.parse::<CertificateCursor>(),
                Err(NotACursor),
                "{text:?}"
            );
        }
    }
}
