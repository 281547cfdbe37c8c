//! The decision: may this CSR be certified under this entitlement?
//!
//! A struct on purpose. As a trait, anyone could mint an [`Approved`].

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ca_pki::{Csr, DnsName, Identifier, PublicKey, Timestamp, Validity};

use crate::entitlement::{Entitlement, EntitlementClaim};
use crate::error::{Rule, Violation};
use crate::issuer::Issuer;
use crate::profile::{IdentifierKind, Pointer, Profile, RevocationRule};

/// Profiles by name.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    profiles: BTreeMap<String, Arc<Profile>>,
}

/// Proof that policy allows a certificate: names equal the entitlement, key, profile and lifetime
/// allowed, inside the issuer's own validity and constraints. Made only by [`Policy::approve`].
#[derive(Debug)]
pub struct Approved {
    pub(crate) profile: Arc<Profile>,
    pub(crate) public_key: PublicKey,
    pub(crate) must_staple: bool,
    pub(crate) validity: Validity,
    pub(crate) claim: EntitlementClaim,
}

/// The span that a certificate would get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantedWindow {
    /// notBefore and notAfter.
    pub validity: Validity,
    /// Whether notAfter is earlier than asked for.
    pub clamped: bool,
}

impl Policy {
    /// Collects profiles by their names.
    pub fn new(profiles: impl IntoIterator<Item = Profile>) -> Self {
        let named = profiles
            .into_iter()
            .map(|profile| (profile.name.clone(), Arc::new(profile)));
        Self {
            profiles: named.collect(),
        }
    }

    /// Returns a profile.
    pub fn profile(&self, name: &str) -> Option<&Arc<Profile>> {
        self.profiles.get(name)
    }

    /// Judges a request against every rule and lists each that is broken.
    pub fn approve(
        &self,
        csr: &Csr,
        entitlement: Entitlement,
        issuer: &Issuer,
        now: Timestamp,
    ) -> Result<Approved, Vec<Violation>> {
        let Some(profile) = self.profile(entitlement.profile()) else {
            let detail = format!("there is no profile {:?}", entitlement.profile());
            return Err(vec![Violation::new(Rule::Profile, detail)]);
        };
        let claim = entitlement.claim();

        let mut violations = judge_key(csr, profile, claim);
        violations.extend(judge_names(csr, profile, claim));
        violations.extend(judge_constraints(issuer, claim));
        violations.extend(judge_staple(csr, profile));
        let window = match window(profile, issuer, (claim.not_before, claim.not_after), now) {
            Ok(window) => Some(window),
            Err(violation) => {
                violations.push(violation);
                None
            }
        };

        match window {
            Some(window) if violations.is_empty() => Ok(Approved {
                profile: Arc::clone(profile),
                public_key: csr.public_key().clone(),
                must_staple: csr.must_staple(),
                validity: window.validity,
                claim: entitlement.into_claim(),
            }),
            Some(_) | None => Err(violations),
        }
    }
}

/// Computes notBefore and notAfter from what was asked for: honoured inside the profile's and the
/// issuer's bounds, notAfter cut where it lies past them, refused where nothing useful is left.
pub(crate) fn window(
    profile: &Profile,
    issuer: &Issuer,
    (asked_from, asked_until): (Option<Timestamp>, Option<Timestamp>),
    now: Timestamp,
) -> Result<GrantedWindow, Violation> {
    let bounds = issuer.certificate().validity();
    // An issuer that is younger than the backdating is waited for, not refused.
    let earliest = now.minus(profile.backdate).max(bounds.not_before);
    let not_before = asked_from.map_or(earliest, |asked| asked.max(earliest));
    if not_before > now.plus(profile.max_lifetime) {
        return Err(Violation::new(
            Rule::Lifetime,
            "notBefore lies too far in the future",
        ));
    }

    let latest = not_before.plus(profile.max_lifetime).min(bounds.not_after);
    let wanted = asked_until.unwrap_or_else(|| not_before.plus(profile.lifetime));
    let not_after = wanted.min(latest);
    if not_after <= now || not_after.since(not_before) < SHORTEST_LIFE {
        let detail = "notAfter must lie in the future and at least a minute after notBefore";
        return Err(Violation::new(Rule::Lifetime, detail));
    }
    Ok(GrantedWindow {
        validity: Validity {
            not_before,
            not_after,
        },
        clamped: asked_until.is_some_and(|asked| not_after < asked),
    })
}

fn judge_key(csr: &Csr, profile: &Profile, claim: &EntitlementClaim) -> Vec<Violation> {
    let mut violations = Vec::new();
    let algorithm = csr.public_key().algorithm();
    if !profile.keys.contains(&algorithm) {
        let allowed: Vec<String> = profile.keys.iter().map(ToString::to_string).collect();
        let detail = format!(
            "profile {:?} does not allow {algorithm} keys; use one of {}",
            profile.name,
            allowed.join(", ")
        );
        violations.push(Violation::new(Rule::Key, detail));
    }
    if claim.forbidden_key == Some(csr.public_key().fingerprint_sha256()) {
        let detail = "the CSR holds the account's own key; make another key for the certificate";
        violations.push(Violation::new(Rule::Key, detail));
    }
    violations
}

fn judge_names(csr: &Csr, profile: &Profile, claim: &EntitlementClaim) -> Vec<Violation> {
    let mut violations = Vec::new();
    let requested = requested_names(csr, &mut violations);
    for name in requested.difference(&claim.identifiers) {
        let detail = format!("the CSR holds {name}, which was not ordered");
        violations.push(Violation::about(Rule::Name, name, detail));
    }
    for name in claim.identifiers.difference(&requested) {
        let detail = format!("the CSR lacks {name}, which was ordered");
        violations.push(Violation::about(Rule::Name, name, detail));
    }
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
    violations
}

/// A certificate that must be stapled needs a responder that is asked for it (RFC 7633).
fn judge_staple(csr: &Csr, profile: &Profile) -> Option<Violation> {
    let answered = matches!(
        profile.revocation,
        RevocationRule::Published {
            ocsp: Pointer::Included,
            ..
        }
    );
    (csr.must_staple() && !answered).then(|| {
        let detail = format!(
            "the CSR asks for OCSP stapling (must-staple), and profile {:?} has no OCSP",
            profile.name
        );
        Violation::new(Rule::Csr, detail)
    })
}

/// Collects the SANs and every common name. A common name that is an address must be a SAN too,
/// any other one counts as a DNS name: nothing in the subject escapes the comparison.
fn requested_names(csr: &Csr, violations: &mut Vec<Violation>) -> BTreeSet<Identifier> {
    let mut names = csr.sans().clone();
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

fn judge_constraints(issuer: &Issuer, claim: &EntitlementClaim) -> Vec<Violation> {
    let Some(constraints) = &issuer.certificate().extensions().name_constraints else {
        return Vec::new();
    };
    claim
        .identifiers
        .iter()
        .filter(|name| !constraints.allow(name))
        .map(|name| {
            let detail = format!(
                "the name constraints of issuer {:?} exclude it",
                issuer.name()
            );
            Violation::about(Rule::Constraint, name, detail)
        })
        .collect()
}

const SHORTEST_LIFE: Duration = Duration::from_secs(60);
