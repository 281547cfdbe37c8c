//! `[revocation]`

use serde::{Deserialize, Serialize};

use super::Span;

/// How CRLs and OCSP answers are made.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct RevocationSection {
    /// nextUpdate - thisUpdate of a CRL.
    pub crl_lifetime: Span,
    /// How often a CRL is made anew though nothing was revoked.
    pub crl_interval: Span,
    /// nextUpdate - thisUpdate of an OCSP answer.
    pub ocsp_lifetime: Span,
}

impl Default for RevocationSection {
    fn default() -> Self {
        Self {
            crl_lifetime: Span::hours(24),
            crl_interval: Span::hours(1),
            ocsp_lifetime: Span::hours(1),
        }
    }
}

impl RevocationSection {
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.crl_interval.0 * 2 > self.crl_lifetime.0 {
            faults.push(
                "revocation.crl_interval must be at most half of crl_lifetime, so that CRLs overlap"
                    .to_owned(),
            );
        }
        if self.crl_interval < Span::secs(1) || self.ocsp_lifetime < Span::minutes(1) {
            faults.push(
                "revocation.crl_interval must be at least 1s, ocsp_lifetime at least 1m".to_owned(),
            );
        }
        faults
    }
}
