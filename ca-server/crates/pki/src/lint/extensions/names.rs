//! Lints over the subject alternative names.

use std::net::IpAddr;

use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::{Findings, get};
use crate::certificate::{NameConstraints, Role, Template};
use crate::{Certificate, Identifier};

/// Judges the names against the template and the issuer's constraints.
pub(super) fn lint(
    tbs: &TbsCertificate,
    template: &Template,
    issuer: &Certificate,
    findings: &mut Findings,
) {
    let extension = get::<SubjectAltName>(tbs);
    let (critical, names) = extension
        .map(|(critical, it)| (critical, it.0))
        .unwrap_or_default();
    let is_leaf = template.role == Role::EndEntity;
    findings.unless(
        !(is_leaf && names.is_empty() && tbs.subject().is_empty()),
        "it has neither a subject nor subject alternative names",
    );
    findings.unless(
        names.is_empty() || critical == tbs.subject().is_empty(),
        "subjectAltName is critical exactly where the subject is empty",
    );
    let read: Option<Vec<Identifier>> = names.iter().map(identifier).collect();
    let Some(read) = read else {
        return findings.unless(false, "a subject alternative name is not an identifier");
    };
    findings.unless(
        read.is_sorted_by(|earlier, later| earlier < later),
        "the subject alternative names are not sorted, each once",
    );
    findings.unless(
        read.iter().all(|name| template.sans.contains(name))
            && template.sans.iter().all(|name| read.contains(name)),
        "the subject alternative names are not the template's",
    );
    let constraints = issuer.extensions().name_constraints.as_ref();
    let allows = |it: &NameConstraints| read.iter().all(|name| it.allow(name));
    findings.unless(
        constraints.is_none_or(allows),
        "a subject alternative name is outside the issuer's constraints",
    );
}

fn identifier(name: &GeneralName) -> Option<Identifier> {
    match name {
        GeneralName::Rfc822Name(text) => Identifier::parse("email", text.as_str()).ok(),
        GeneralName::DnsName(text) => Identifier::parse("dns", text.as_str()).ok(),
        GeneralName::UniformResourceIdentifier(text) => {
            Identifier::parse("uri", text.as_str()).ok()
        }
        GeneralName::IpAddress(octets) => {
            let four = <[u8; 4]>::try_from(octets.as_bytes()).map(IpAddr::from);
            let six = <[u8; 16]>::try_from(octets.as_bytes()).map(IpAddr::from);
            four.or(six).ok().map(Identifier::Ip)
        }
        GeneralName::OtherName(_)
        | GeneralName::DirectoryName(_)
        | GeneralName::EdiPartyName(_)
        | GeneralName::RegisteredId(_) => None,
    }
}
