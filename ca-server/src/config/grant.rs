//! `[[grant]]`

use std::collections::BTreeSet;

use ca_identity::grant::{Grant, KnownNames, Origin};
use ca_issuance::pattern::Pattern;
use ca_issuance::profile::IdentifierKind;
use ca_pki::Timestamp;

use super::{ProfileSection, SubjectSetting, twice};

/// Who may have which certificates; the same keys as over the API.
pub use ca_identity::grant::GrantSpec as GrantSection;

/// Lists what is wrong with the grants.
pub(super) fn faults(grants: &[GrantSection], known: &KnownNames) -> Vec<String> {
    let mut faults = twice("grant", grants.iter().map(|grant| &grant.name));
    for grant in grants {
        if let Err(more) = grant.check(Origin::Configured, known) {
            faults.extend(named(grant, more));
        }
    }
    faults
}

/// Lists what can work and is probably not meant.
pub(super) fn warnings(
    grants: &[GrantSection],
    profiles: &[ProfileSection],
    now: Timestamp,
) -> Vec<String> {
    let mut warnings = Vec::new();
    for section in grants {
        let Ok(grant) = section.compile(Origin::Configured) else {
            continue;
        };
        let mut found = Vec::new();
        if let Some(end) = grant.expires_at.filter(|end| *end <= now) {
            found.push(format!("it ended at {end} and grants nothing any more"));
        }
        found.extend(useless_patterns(&grant, profiles));
        found.extend(useless_subject(&grant, profiles));
        warnings.extend(named(section, found));
    }
    warnings
}

/// Finds patterns over types of names that none of the grant's profiles certifies.
fn useless_patterns(grant: &Grant, profiles: &[ProfileSection]) -> Vec<String> {
    let certified: BTreeSet<IdentifierKind> = profiles
        .iter()
        .filter(|profile| grant.profiles.contains(&profile.name))
        .flat_map(|profile| &profile.identifiers)
        .filter_map(|kind| IdentifierKind::parse(kind))
        .collect();
    let useless = grant.scope.allow.iter().filter(|pattern| {
        let kind = match pattern {
            Pattern::Dns(_) => IdentifierKind::Dns,
            Pattern::Ip(_) => IdentifierKind::Ip,
            Pattern::Uri(_) => IdentifierKind::Uri,
            Pattern::Email(..) => IdentifierKind::Email,
        };
        !certified.contains(&kind)
    });
    useless
        .map(|pattern| format!("{pattern}: none of its profiles has names of this type"))
        .collect()
}

/// Finds a subject that no certificate gets.
fn useless_subject(grant: &Grant, profiles: &[ProfileSection]) -> Option<String> {
    let mut used = profiles
        .iter()
        .filter(|profile| grant.profiles.contains(&profile.name));
    let is_taken = used.any(|profile| profile.subject == SubjectSetting::Grant);
    (grant.subject.is_some() && !is_taken)
        .then(|| "subject: none of its profiles has subject = \"grant\"".to_owned())
}

fn named(grant: &GrantSection, faults: Vec<String>) -> Vec<String> {
    faults
        .into_iter()
        .map(|fault| format!("grant {}: {fault}", grant.name))
        .collect()
}
