//! What a CRL ceremony revokes.

use std::path::PathBuf;

use ca_pki::crl::RevocationReason;
use ca_pki::{Serial, Timestamp};
use serde::Deserialize;

use super::period;
use crate::Error;

/// `[[revoke]]`: one certificate that the root signed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revoke {
    /// Its serial number in hex; or
    serial: Option<String>,
    /// the certificate itself, in PEM.
    certificate: Option<PathBuf>,
    /// Why, as RFC 5280 names it: `keyCompromise`, `cACompromise`, `superseded`, …
    reason: String,
    /// Since when. Default: the time of the ceremony.
    at: Option<String>,
}

/// Which certificate is revoked.
#[derive(Debug)]
pub(crate) enum Target<'a> {
    /// By its serial number.
    Serial(Serial),
    /// By a file that holds it.
    File(&'a PathBuf),
}

impl Revoke {
    /// Returns which certificate is meant.
    pub(crate) fn target(&self) -> Result<Target<'_>, Error> {
        match (&self.serial, &self.certificate) {
            (Some(text), None) => Serial::parse_hex(text)
                .map(Target::Serial)
                .map_err(|error| refused(format!("serial = {text:?}: {error}"))),
            (None, Some(path)) => Ok(Target::File(path)),
            (None, None) | (Some(_), Some(_)) => Err(refused(
                "give either serial or certificate in each [[revoke]]".to_owned(),
            )),
        }
    }

    /// Returns why. Holds are refused: a root's CRL only ever grows.
    pub(crate) fn reason(&self) -> Result<RevocationReason, Error> {
        let reason = RevocationReason::parse(&self.reason)
            .ok_or_else(|| refused(format!("reason = {:?} is not one of RFC 5280", self.reason)))?;
        match reason {
            RevocationReason::CertificateHold | RevocationReason::RemoveFromCrl => Err(refused(
                format!("reason = {:?}: a root revokes for good", self.reason),
            )),
            RevocationReason::Unspecified
            | RevocationReason::KeyCompromise
            | RevocationReason::CaCompromise
            | RevocationReason::AffiliationChanged
            | RevocationReason::Superseded
            | RevocationReason::CessationOfOperation
            | RevocationReason::PrivilegeWithdrawn
            | RevocationReason::AaCompromise => Ok(reason),
        }
    }

    /// Returns since when; never in the future.
    pub(crate) fn at(&self, now: Timestamp) -> Result<Timestamp, Error> {
        let Some(text) = &self.at else {
            return Ok(now);
        };
        let at = period::moment("at", text)?;
        if at > now {
            return Err(refused(format!("at = {text:?} lies in the future")));
        }
        Ok(at)
    }
}

fn refused(reason: String) -> Error {
    Error::Ceremony(format!("[[revoke]]: {reason}"))
}
