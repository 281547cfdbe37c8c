//! One certificate of the past, asked for again today.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ca_identity::grant::{self, GrantRequest, Granted, Uses, Verdict};
use ca_identity::{Principal, operator};
use ca_issuance::Actor;
use ca_issuance::entitlement::EntitlementClaim;
use ca_issuance::ledger::CertificateRecord;
use ca_issuance::policy::PreviewKey;
use ca_pki::{Certificate, Identifier};
use serde::Deserialize;

use super::super::present::Present;
use super::super::show;
use crate::tls;

/// What would be said to a certificate's request today.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// The server's own: no policy is about it.
    OfTheServer,
    /// It was issued before the server kept what is needed to judge.
    Unknown,
    /// It would be issued.
    Allowed,
    /// It would not; why.
    Refused(Vec<String>),
}

/// What a door kept when it decided.
#[derive(Debug, Deserialize)]
struct Provenance {
    #[serde(flatten)]
    door: Door,
    principal: Option<Principal>,
    address: Option<IpAddr>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "door", rename_all = "kebab-case")]
enum Door {
    /// All names by one grant.
    Api,
    /// Names by challenge, and perhaps some by a grant.
    Acme {
        directory: String,
        #[serde(default)]
        granted: Vec<String>,
    },
}

/// Judges who asked, with what was known of them then, by what decides now. Uses that are spent
/// are not held against it: its own is among them.
pub(super) fn judge(present: &Present, record: &CertificateRecord) -> Judged {
    if record.profile == tls::PROFILE || record.profile.starts_with("ocsp-responder/") {
        return Judged::OfTheServer;
    }
    let Some(provenance) = provenance(record) else {
        return Judged::Unknown;
    };
    let mut reasons = Vec::new();
    let identifiers: BTreeSet<Identifier> = record.identifiers.iter().cloned().collect();
    let granted = match &provenance.door {
        Door::Api => by_grant(present, record, &provenance, &identifiers, &mut reasons),
        Door::Acme { directory, granted } => {
            reasons.extend(by_directory(present, record, directory));
            let names: BTreeSet<Identifier> = granted.iter().filter_map(|it| parsed(it)).collect();
            if names.is_empty() {
                None
            } else {
                by_grant(present, record, &provenance, &names, &mut reasons)
            }
        }
    };
    reasons.extend(by_profile(present, record, identifiers, granted));
    if reasons.is_empty() {
        Judged::Allowed
    } else {
        Judged::Refused(reasons)
    }
}

/// Reads what was kept. Of ACME's certificates the account says enough.
fn provenance(record: &CertificateRecord) -> Option<Provenance> {
    if let Some(kept) = &record.provenance {
        return serde_json::from_value(kept.clone()).ok();
    }
    let (directory, _account) = record.requested_by.strip_prefix("acme:")?.split_once(':')?;
    Some(Provenance {
        door: Door::Acme {
            directory: directory.to_owned(),
            granted: Vec::new(),
        },
        principal: None,
        address: None,
    })
}

fn by_grant(
    present: &Present,
    record: &CertificateRecord,
    provenance: &Provenance,
    identifiers: &BTreeSet<Identifier>,
    reasons: &mut Vec<String>,
) -> Option<Granted> {
    let Some(principal) = &provenance.principal else {
        reasons.push("it came by a grant, and for whom was not kept".to_owned());
        return None;
    };
    let request = GrantRequest {
        principal,
        role: operator::role_of(&present.operators, principal),
        profile: &record.profile,
        identifiers,
        address: provenance.address,
        at: present.now,
    };
    let refusal = match grant::judge(&present.grants, &Uses::new(), &request) {
        Verdict::Granted(granted) => return Some(granted),
        Verdict::Refused(refusal) => refusal,
    };
    let mut failures = refusal.failures().iter();
    match failures.find(|it| Some(it.grant.as_str()) == refusal.nearest()) {
        Some(nearest) => reasons.extend(
            nearest
                .rules
                .iter()
                .map(|it| format!("grant {}: {}: {}", nearest.grant, it.rule.name(), it.detail)),
        ),
        None => reasons.push("there are no grants".to_owned()),
    }
    None
}

fn by_directory(present: &Present, record: &CertificateRecord, name: &str) -> Vec<String> {
    let section = present.config.acme.iter().find(|it| it.name == name);
    let directory = section.and_then(|it| it.to_directory(&BTreeMap::new(), &[]).ok());
    let Some(directory) = directory else {
        return vec![format!("there is no [[acme]] {name:?}")];
    };
    let mut reasons = Vec::new();
    if !directory.profiles.contains_key(&record.profile) {
        reasons.push(format!(
            "[[acme]] {name} has no profile {:?}",
            record.profile
        ));
    }
    for identifier in &record.identifiers {
        if let Err(reason) = directory.scope.judge(identifier) {
            reasons.push(format!("[[acme]] {name}: {identifier}: {reason}"));
        }
    }
    reasons
}

fn by_profile(
    present: &Present,
    record: &CertificateRecord,
    identifiers: BTreeSet<Identifier>,
    granted: Option<Granted>,
) -> Vec<String> {
    let is_refused = granted.is_none();
    let mut claim = EntitlementClaim::new(Actor::System, identifiers, record.profile.clone());
    claim.subject = granted.and_then(|it| it.subject);
    if is_refused && claim.identifiers.is_empty() {
        // Without its grant it has no subject; that grants refuse it is said already.
        return Vec::new();
    }
    let certificate = record
        .der
        .as_deref()
        .and_then(|der| Certificate::parse(der).ok());
    let key = certificate.map_or(PreviewKey::Unknown, |it| {
        PreviewKey::Algorithm(it.public_key().algorithm())
    });
    let preview = present.preview(&claim, key);
    preview
        .iter()
        .flat_map(|it| &it.violations)
        .map(|it| format!("profile {}: {}", record.profile, show::about(it)))
        .collect()
}

fn parsed(text: &str) -> Option<Identifier> {
    let (kind, value) = text.split_once(':')?;
    Identifier::parse(kind, value).ok()
}

#[cfg(test)]
mod tests;
