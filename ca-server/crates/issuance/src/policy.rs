//! The decision: may this CSR be certified under this entitlement?
//!
//! A struct on purpose. As a trait, anyone could mint an [`Approved`].

mod names;
mod preview;
mod subject;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ca_pki::certificate::CiClaim;
use ca_pki::{Certificate, Csr, KeyAlgorithm, PublicKey, Timestamp, Validity};

pub use self::preview::{Preview, PreviewKey};
use crate::entitlement::{Entitlement, EntitlementClaim};
use crate::error::{Rule, Violation};
use crate::issuer::Issuer;
use crate::profile::{Pointer, Profile, RevocationRule};

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
    pub(crate) subject_der: Vec<u8>,
    pub(crate) ci_claims: Vec<CiClaim>,
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

/// When a certificate is asked to be valid.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) not_after: Option<Timestamp>,
    /// The most that the door allows, beside the profile.
    pub(crate) max_lifetime: Option<Duration>,
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
        let judged = judge(
            profile,
            issuer.certificate(),
            Some(csr),
            entitlement.claim(),
            now,
        );
        match judged.window {
            Some(window) if judged.violations.is_empty() => Ok(Approved {
                profile: Arc::clone(profile),
                public_key: csr.public_key().clone(),
                must_staple: csr.must_staple(),
                validity: window.validity,
                subject_der: judged.subject_der,
                ci_claims: judged.ci_claims,
                claim: entitlement.into_claim(),
            }),
            Some(_) | None => Err(judged.violations),
        }
    }
}

/// What every rule says to a request.
struct Judged {
    violations: Vec<Violation>,
    window: Option<GrantedWindow>,
    subject_der: Vec<u8>,
    ci_claims: Vec<CiClaim>,
}

/// Judges a claim; without a CSR, all but what the CSR says.
fn judge(
    profile: &Profile,
    issuer: &Certificate,
    csr: Option<&Csr>,
    claim: &EntitlementClaim,
    now: Timestamp,
) -> Judged {
    let mut violations = Vec::new();
    if let Some(csr) = csr {
        violations.extend(judge_key(csr, profile, claim));
        violations.extend(names::compare(csr, profile, claim));
        violations.extend(judge_staple(csr, profile));
    }
    violations.extend(names::judge(profile, claim));
    violations.extend(judge_constraints(profile, issuer, claim));
    let subject_der = or_note(subject::judge(csr, profile, claim), &mut violations);
    let ci_claims = or_note(subject::ci_claims(profile, claim), &mut violations);
    let asked = Asked {
        not_before: claim.not_before,
        not_after: claim.not_after,
        max_lifetime: claim.max_lifetime,
    };
    let window = match window(profile, issuer, asked, now) {
        Ok(window) => Some(window),
        Err(violation) => {
            violations.push(violation);
            None
        }
    };
    Judged {
        violations,
        window,
        subject_der,
        ci_claims,
    }
}

/// Computes notBefore and notAfter from what was asked for: honoured inside the profile's and the
/// issuer's bounds, notAfter cut where it lies past them, refused where nothing useful is left.
pub(crate) fn window(
    profile: &Profile,
    issuer: &Certificate,
    asked: Asked,
    now: Timestamp,
) -> Result<GrantedWindow, Violation> {
    let bounds = issuer.validity();
    // An issuer that is younger than the backdating is waited for, not refused.
    let earliest = now.minus(profile.backdate).max(bounds.not_before);
    let not_before = asked
        .not_before
        .map_or(earliest, |asked| asked.max(earliest));
    if not_before > now.plus(profile.max_lifetime) {
        return Err(Violation::new(
            Rule::Lifetime,
            "notBefore lies too far in the future",
        ));
    }

    let most = asked
        .max_lifetime
        .map_or(profile.max_lifetime, |most| most.min(profile.max_lifetime));
    let latest = not_before.plus(most).min(bounds.not_after);
    let wanted = asked
        .not_after
        .unwrap_or_else(|| not_before.plus(profile.lifetime));
    let not_after = wanted.min(latest);
    if not_after <= now || not_after.since(not_before) < SHORTEST_LIFE {
        let detail = format!(
            "the certificate would end at {not_after}, which must lie in the future and at least a \
             minute after its beginning; profile {:?} lets certificates begin {} s before they are \
             issued, and that is part of the lifetime: ask for more",
            profile.name,
            profile.backdate.as_secs(),
        );
        return Err(Violation::new(Rule::Lifetime, detail));
    }
    Ok(GrantedWindow {
        validity: Validity {
            not_before,
            not_after,
        },
        clamped: asked.not_after.is_some_and(|asked| not_after < asked),
    })
}

/// Notes violations in place of a value that then nobody uses.
fn or_note<T: Default>(judged: Result<T, Vec<Violation>>, violations: &mut Vec<Violation>) -> T {
    judged.unwrap_or_else(|more| {
        violations.extend(more);
        T::default()
    })
}

fn judge_key(csr: &Csr, profile: &Profile, claim: &EntitlementClaim) -> Vec<Violation> {
    let mut violations = Vec::new();
    violations.extend(judge_algorithm(csr.public_key().algorithm(), profile));
    if claim.forbidden_key == Some(csr.public_key().fingerprint_sha256()) {
        let detail = "the CSR holds the account's own key; make another key for the certificate";
        violations.push(Violation::new(Rule::Key, detail));
    }
    violations
}

fn judge_algorithm(algorithm: KeyAlgorithm, profile: &Profile) -> Option<Violation> {
    (!profile.keys.contains(&algorithm)).then(|| {
        let allowed: Vec<String> = profile.keys.iter().map(ToString::to_string).collect();
        let detail = format!(
            "profile {:?} does not allow {algorithm} keys; use one of {}",
            profile.name,
            allowed.join(", ")
        );
        Violation::new(Rule::Key, detail)
    })
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

fn judge_constraints(
    profile: &Profile,
    issuer: &Certificate,
    claim: &EntitlementClaim,
) -> Vec<Violation> {
    let Some(constraints) = &issuer.extensions().name_constraints else {
        return Vec::new();
    };
    claim
        .identifiers
        .iter()
        .filter(|name| !constraints.allow(name))
        .map(|name| {
            let detail = format!(
                "the name constraints of issuer {:?} exclude it",
                profile.issuer
            );
            Violation::about(Rule::Constraint, name, detail)
        })
        .collect()
}

const SHORTEST_LIFE: Duration = Duration::from_secs(60);
