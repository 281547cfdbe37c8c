//! What a door would claim.

use ca_identity::certificate::Lifetime;
use ca_identity::grant::Verdict;
use ca_identity::{Principal, oidc};
use ca_issuance::Actor;
use ca_issuance::entitlement::{ClaimExtension, EntitlementClaim};

use super::{Present, Question};

/// Claims what a door would claim: the grant bounds the profile's default lifetime too.
pub(super) fn claim(
    present: &Present,
    principal: &Principal,
    question: &Question,
    verdict: &Verdict,
) -> EntitlementClaim {
    let actor = Actor::Identity {
        name: principal.name(),
        via: None,
    };
    let mut claim = EntitlementClaim::new(
        actor,
        question.identifiers.clone(),
        question.profile.clone(),
    );
    claim.claims = ci_claims(present, principal);
    if let Verdict::Granted(granted) = verdict {
        claim.subject.clone_from(&granted.subject);
        claim.not_after = present.profile(&question.profile).and_then(|profile| {
            Lifetime::of(question.lifetime, granted, profile).not_after(profile, present.now)
        });
    }
    claim
}

fn ci_claims(present: &Present, principal: &Principal) -> Vec<ClaimExtension> {
    let Principal::Oidc {
        provider, claims, ..
    } = principal
    else {
        return Vec::new();
    };
    let mut sections = present.config.oidc.iter();
    sections
        .find(|section| section.name == *provider)
        .and_then(|section| section.to_settings().ok())
        .map(|settings| oidc::ci_claims(claims, settings.kind))
        .unwrap_or_default()
}
