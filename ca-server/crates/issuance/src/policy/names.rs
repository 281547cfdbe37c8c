//! The names of a request: exactly those that the entitlement has, of types that the profile has.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ca_pki::{Csr, DnsName, Identifier};

use super::subject;
use crate::entitlement::EntitlementClaim;
use crate::error::{Rule, Violation};
use crate::profile::{IdentifierKind, Profile};

/// Compares the names of the CSR with those of the claim.
pub(super) fn compare(csr: &Csr, profile: &Profile, claim: &EntitlementClaim) -> Vec<Violation> {
    let mut violations = Vec::new();
    let requested = requested_names(csr, profile, claim, &mut violations);
    for name in requested.difference(&claim.identifiers) {
        let detail = format!("the CSR holds {name}, which was not ordered");
        violations.push(Violation::about(Rule::Name, name, detail));
    }
    for name in claim.identifiers.difference(&requested) {
        let detail = format!("the CSR lacks {name}, which was ordered");
        violations.push(Violation::about(Rule::Name, name, detail));
    }
    violations
}

/// Judges the names of the claim.
pub(super) fn judge(profile: &Profile, claim: &EntitlementClaim) -> Vec<Violation> {
    let mut violations = Vec::new();
    for name in &claim.identifiers {
        if !profile.identifiers.contains(&IdentifierKind::of(name)) {
            let detail = format!(
                "profile {:?} does not allow {} names",
                profile.name,
                name.kind()
            );
            violations.push(Violation::about(Rule::Name, name, detail));
        }
    }
    violations.extend(judge_spiffe(&claim.identifiers));
    violations
}

/// Collects the SANs and every common name. A common name that is an address must be a SAN too,
/// any other one counts as a DNS name: nothing in the subject escapes the comparison, except where
/// the subject comes from the grant and is judged as a whole.
fn requested_names(
    csr: &Csr,
    profile: &Profile,
    claim: &EntitlementClaim,
    violations: &mut Vec<Violation>,
) -> BTreeSet<Identifier> {
    let mut names = csr.sans().clone();
    if subject::is_granted(profile, claim) {
        return names;
    }
    for common_name in csr.common_names() {
        if let Ok(address) = common_name.parse::<IpAddr>() {
            if !names.contains(&Identifier::Ip(address)) {
                let detail = "an address in the common name must be a subject alternative name too";
                violations.push(Violation::new(Rule::Name, detail));
            }
            continue;
        }
        match common_name.parse::<DnsName>() {
            Ok(name) => {
                names.insert(Identifier::Dns(name));
            }
            Err(error) => violations.push(Violation::new(
                Rule::Name,
                format!("the common name must be one of the ordered names: {error}"),
            )),
        }
    }
    names
}

/// A certificate with a SPIFFE ID has no other URI (X509-SVID §2), and a leaf's ID has a path
/// (§3.1): relying parties refuse anything else.
fn judge_spiffe(identifiers: &BTreeSet<Identifier>) -> Vec<Violation> {
    let uris: Vec<(&Identifier, &str)> = identifiers
        .iter()
        .filter_map(|identifier| match identifier {
            Identifier::Uri(text) => Some((identifier, text.as_str())),
            Identifier::Dns(_) | Identifier::Ip(_) | Identifier::Email(_) => None,
        })
        .collect();
    let ids = uris
        .iter()
        .filter_map(|(identifier, text)| Some((*identifier, text.strip_prefix("spiffe://")?)));
    let mut violations = Vec::new();
    for (identifier, rest) in ids {
        if uris.len() > 1 {
            let detail = "a certificate with a SPIFFE ID holds no other URI";
            violations.push(Violation::about(Rule::Name, identifier, detail));
        }
        if !rest.contains('/') {
            let detail = "a SPIFFE ID without a path names a trust domain, not a workload";
            violations.push(Violation::about(Rule::Name, identifier, detail));
        }
    }
    violations
}
