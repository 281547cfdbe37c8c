//! What a certificate says beside its names: the subject, and the claims of a CI job.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ca_pki::certificate::{
    self, CiClaim, CiClaimKind, ExtendedKeyUsage, member_name, name_to_text, same_attributes,
};
use ca_pki::{Csr, DnsName, Identifier};

use crate::entitlement::{ClaimExtension, EntitlementClaim, SubjectName};
use crate::error::{Rule, Violation};
use crate::profile::{CiClaims, Profile, SubjectRule};

/// Tells whether the subject is the grant's.
pub(super) fn is_granted(profile: &Profile, claim: &EntitlementClaim) -> bool {
    granted(profile, claim).is_some()
}

/// Returns the subject as an encoded Name. Without names there must be one.
pub(super) fn judge(
    csr: Option<&Csr>,
    profile: &Profile,
    claim: &EntitlementClaim,
) -> Result<Vec<u8>, Vec<Violation>> {
    if let Some(subject) = granted(profile, claim) {
        return judge_granted(csr, profile, claim, subject);
    }
    let subject_der = match &profile.subject {
        SubjectRule::Fixed(name_der) => return Ok(name_der.clone()),
        SubjectRule::Empty | SubjectRule::Grant => EMPTY_NAME.to_vec(),
        SubjectRule::FirstDnsName => first_dns_name(&claim.identifiers),
    };
    if claim.identifiers.is_empty() {
        let detail = match profile.subject {
            SubjectRule::Grant => "the request has no names, and the grant gives no subject",
            SubjectRule::Empty | SubjectRule::FirstDnsName | SubjectRule::Fixed(_) => {
                "the request has no names"
            }
        };
        return Err(vec![Violation::new(Rule::Name, detail)]);
    }
    Ok(subject_der)
}

fn granted<'a>(profile: &Profile, claim: &'a EntitlementClaim) -> Option<&'a SubjectName> {
    let subject = claim.subject.as_ref()?;
    (profile.subject == SubjectRule::Grant && !subject.is_empty()).then_some(subject)
}

/// The requester may leave the subject out or know it, but not ask for another.
fn judge_granted(
    csr: Option<&Csr>,
    profile: &Profile,
    claim: &EntitlementClaim,
    subject: &SubjectName,
) -> Result<Vec<u8>, Vec<Violation>> {
    let common_name = subject.common_name.as_deref();
    let name_der = member_name(common_name, &subject.organizations).map_err(|faults| {
        let violation = |fault: &certificate::NameFault| {
            Violation::new(Rule::Subject, format!("the grant's subject: {fault}"))
        };
        faults.iter().map(violation).collect::<Vec<_>>()
    })?;
    let mut violations = Vec::new();
    let asked = csr.map_or(EMPTY_NAME, Csr::subject_der);
    if asked != EMPTY_NAME && !same_attributes(asked, &name_der) {
        let detail = format!(
            "the CSR's subject is {:?}; leave it empty or write the grant's, {:?}",
            name_to_text(asked),
            name_to_text(&name_der)
        );
        violations.push(Violation::new(Rule::Subject, detail));
    }
    violations.extend(judge_server_name(profile, claim, common_name));
    if violations.is_empty() {
        Ok(name_der)
    } else {
        Err(violations)
    }
}

/// Old clients look for a server's name in its common name: there it must be proven like any
/// other, and a server without names is none.
fn judge_server_name(
    profile: &Profile,
    claim: &EntitlementClaim,
    common_name: Option<&str>,
) -> Vec<Violation> {
    if !profile
        .extended_key_usage
        .contains(&ExtendedKeyUsage::ServerAuth)
    {
        return Vec::new();
    }
    let mut violations = Vec::new();
    if claim.identifiers.is_empty() {
        let detail = format!("profile {:?} is for servers: name one", profile.name);
        violations.push(Violation::new(Rule::Name, detail));
    }
    let host = common_name
        .and_then(host)
        .filter(|it| !claim.identifiers.contains(it));
    if let Some(host) = host {
        let detail = "the grant's common name reads as a host that is not one of the names";
        violations.push(Violation::about(Rule::Subject, &host, detail));
    }
    violations
}

fn host(common_name: &str) -> Option<Identifier> {
    let address = common_name.parse::<IpAddr>().ok().map(Identifier::Ip);
    address.or_else(|| common_name.parse::<DnsName>().ok().map(Identifier::Dns))
}

fn first_dns_name(identifiers: &BTreeSet<Identifier>) -> Vec<u8> {
    identifiers
        .iter()
        .filter_map(|identifier| match identifier {
            Identifier::Dns(name) if name.as_str().len() <= LONGEST_COMMON_NAME => Some(name),
            Identifier::Dns(_) | Identifier::Ip(_) | Identifier::Uri(_) | Identifier::Email(_) => {
                None
            }
        })
        .next()
        .map_or_else(|| EMPTY_NAME.to_vec(), certificate::name_with_common_name)
}

/// Returns what the certificate says of a CI job, in order of the object identifiers. A claim
/// without a value says nothing.
pub(super) fn ci_claims(
    profile: &Profile,
    claim: &EntitlementClaim,
) -> Result<Vec<CiClaim>, Vec<Violation>> {
    match profile.ci_claims {
        CiClaims::LeftOut => return Ok(Vec::new()),
        CiClaims::Included => {}
    }
    let judged = claim.claims.iter().filter(|it| !it.value.is_empty());
    let judged = judged.map(ci_claim);
    let (mut claims, mut violations) = (Vec::new(), Vec::new());
    for one in judged {
        match one {
            Ok(one) => claims.push(one),
            Err(violation) => violations.push(violation),
        }
    }
    claims.sort_by_key(|one| one.kind);
    if claims
        .windows(2)
        .any(|pair| matches!(pair, [one, next] if one.kind == next.kind))
    {
        let detail = "a claim of the CI job comes twice";
        violations.push(Violation::new(Rule::Subject, detail));
    }
    if violations.is_empty() {
        Ok(claims)
    } else {
        Err(violations)
    }
}

fn ci_claim(extension: &ClaimExtension) -> Result<CiClaim, Violation> {
    let refused = |reason: &str| {
        let detail = format!("the claim {} of the CI job {reason}", extension.oid);
        Violation::new(Rule::Subject, detail)
    };
    let kind = CiClaimKind::from_dotted(&extension.oid)
        .ok_or_else(|| refused("is none that a certificate can hold"))?;
    if extension.value.len() > LONGEST_CLAIM_BYTES {
        return Err(refused("is longer than 1,024 octets"));
    }
    if extension.value.chars().any(char::is_control) {
        return Err(refused("has control characters"));
    }
    Ok(CiClaim {
        kind,
        value: extension.value.clone(),
    })
}

/// A SEQUENCE with nothing in it.
const EMPTY_NAME: &[u8] = &[0x30, 0x00];

/// ub-common-name (RFC 5280 appendix A.1).
const LONGEST_COMMON_NAME: usize = 64;

/// URLs and refs are far shorter; a certificate goes through every handshake.
const LONGEST_CLAIM_BYTES: usize = 1_024;
