//! What policy would say to a request, without an entitlement and without a signature.

use ca_pki::{Certificate, Csr, KeyAlgorithm, Timestamp};

use super::{GrantedWindow, Policy, judge, judge_algorithm};
use crate::entitlement::EntitlementClaim;
use crate::error::{Rule, Violation};

/// What policy would say. It proves nothing: nobody vouched for the claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// Every rule that the request breaks.
    pub violations: Vec<Violation>,
    /// The span that the certificate would get.
    pub window: Option<GrantedWindow>,
}

/// What is known of the key to be certified.
#[derive(Clone, Copy, Debug)]
pub enum PreviewKey<'a> {
    /// Nothing: rules about it are left out.
    Unknown,
    /// Its kind.
    Algorithm(KeyAlgorithm),
    /// All of the request.
    Csr(&'a Csr),
}

impl Policy {
    /// Judges what a door would claim, by the rules of [`Policy::approve`].
    pub fn preview(
        &self,
        claim: &EntitlementClaim,
        key: PreviewKey<'_>,
        issuer: &Certificate,
        now: Timestamp,
    ) -> Preview {
        let Some(profile) = self.profile(&claim.profile) else {
            let detail = format!("there is no profile {:?}", claim.profile);
            return Preview {
                violations: vec![Violation::new(Rule::Profile, detail)],
                window: None,
            };
        };
        let (csr, key) = match key {
            PreviewKey::Unknown => (None, None),
            PreviewKey::Algorithm(algorithm) => (None, judge_algorithm(algorithm, profile)),
            PreviewKey::Csr(csr) => (Some(csr), None),
        };
        let judged = judge(profile, issuer, csr, claim, now);
        Preview {
            violations: key.into_iter().chain(judged.violations).collect(),
            window: judged.window,
        }
    }
}
