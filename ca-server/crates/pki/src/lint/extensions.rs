//! Lints over the extensions: those that must be there, and that no others are.

mod names;

use const_oid::db::{rfc5280, rfc6960};
use const_oid::{AssociatedOid, ObjectIdentifier};
use der::Decode;
use der::asn1::Utf8StringRef;
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{
    AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints, CrlDistributionPoints,
    ExtendedKeyUsage as Purposes, KeyUsage as Usage, NameConstraints as Constraints,
    SubjectKeyIdentifier,
};

use super::Findings;
use crate::Certificate;
use crate::certificate::{
    CiClaim, CiClaimKind, ExtendedKeyUsage, NO_REV_AVAIL, NameConstraints, PathLength, Role,
    TLS_FEATURE, Template,
};

/// Judges every extension.
pub(super) fn lint(
    tbs: &TbsCertificate,
    template: &Template,
    issuer: &Certificate,
    findings: &mut Findings,
) {
    lint_list(tbs, findings);
    lint_role(tbs, template, findings);
    lint_key_identifiers(tbs, template, issuer, findings);
    lint_purposes(tbs, template, issuer, findings);
    names::lint(tbs, template, issuer, findings);
    lint_constraints(tbs, template, findings);
    lint_revocation_data(tbs, template, findings);
    lint_ci_claims(tbs, template, findings);
}

fn all(tbs: &TbsCertificate) -> &[Extension] {
    tbs.extensions().map(Vec::as_slice).unwrap_or_default()
}

fn has(tbs: &TbsCertificate, oid: ObjectIdentifier) -> bool {
    all(tbs).iter().any(|extension| extension.extn_id == oid)
}

/// Returns criticality and value; `None` if it is absent or does not decode.
fn get<'a, T: Decode<'a> + AssociatedOid>(tbs: &'a TbsCertificate) -> Option<(bool, T)> {
    tbs.get_extension::<T>().ok().flatten()
}

fn lint_list(tbs: &TbsCertificate, findings: &mut Findings) {
    for (at, extension) in all(tbs).iter().enumerate() {
        let is_first = !all(tbs)
            .iter()
            .take(at)
            .any(|it| it.extn_id == extension.extn_id);
        findings.unless(is_first, "an extension comes twice");
        findings.unless(
            KNOWN.contains(&extension.extn_id) || ci_claim_kind(extension).is_some(),
            "an extension is unknown",
        );
    }
}

fn lint_role(tbs: &TbsCertificate, template: &Template, findings: &mut Findings) {
    let authority = get::<BasicConstraints>(tbs).filter(|(_, value)| value.ca);
    let usage = get::<Usage>(tbs);
    findings.unless(
        usage.is_some_and(|(critical, _)| critical),
        "keyUsage is not critical",
    );
    let may = |bit: fn(&Usage) -> bool| usage.is_some_and(|(_, usage)| bit(&usage));
    let may_certify = may(Usage::key_cert_sign) || may(Usage::crl_sign);
    if let Role::Authority { path_length, .. } = &template.role {
        let constraint = match path_length {
            PathLength::Unlimited => None,
            PathLength::AtMost(most) => Some(*most),
        };
        findings.unless(
            authority
                .is_some_and(|(critical, it)| critical && it.path_len_constraint == constraint),
            "basicConstraints are not the template's",
        );
        findings.unless(
            may(Usage::key_cert_sign) && may(Usage::crl_sign) && !may(Usage::digital_signature),
            "keyUsage is not a CA's",
        );
        return;
    }
    findings.unless(authority.is_none(), "a leaf is a CA");
    findings.unless(
        may(Usage::digital_signature) && !may_certify,
        "keyUsage is not a leaf's",
    );
    findings.unless(
        has(tbs, rfc6960::ID_PKIX_OCSP_NOCHECK) == (template.role == Role::OcspResponder),
        "id-pkix-ocsp-nocheck is for responders, and they have it",
    );
}

fn lint_key_identifiers(
    tbs: &TbsCertificate,
    template: &Template,
    issuer: &Certificate,
    findings: &mut Findings,
) {
    let own = template.own_key_identifier();
    findings.unless(
        get::<SubjectKeyIdentifier>(tbs)
            .is_some_and(|(critical, it)| !critical && it.0.as_bytes() == own),
        "subjectKeyIdentifier is not the key's",
    );
    let is_root =
        issuer.public_key() == &template.public_key && template.issuer_der == template.subject_der;
    if is_root {
        return;
    }
    let issuers_own = issuer.key_identifier();
    let named = get::<AuthorityKeyIdentifier>(tbs);
    let named = named
        .filter(|(critical, _)| !critical)
        .and_then(|(_, it)| it.key_identifier);
    findings.unless(
        named.is_some_and(|it| it.as_bytes() == issuers_own),
        "authorityKeyIdentifier is not the issuer's subjectKeyIdentifier",
    );
}

fn lint_purposes(
    tbs: &TbsCertificate,
    template: &Template,
    issuer: &Certificate,
    findings: &mut Findings,
) {
    let read = get::<Purposes>(tbs)
        .map(|(_, purposes)| purposes.0)
        .unwrap_or_default();
    let responder = [ExtendedKeyUsage::OcspSigning];
    let asked = match &template.role {
        Role::OcspResponder => responder.as_slice(),
        Role::Authority { .. } | Role::EndEntity => template.extended_key_usage.as_slice(),
    };
    let asked: Vec<Option<ObjectIdentifier>> = asked.iter().map(ExtendedKeyUsage::oid).collect();
    let read: Vec<Option<ObjectIdentifier>> = read.into_iter().map(Some).collect();
    findings.unless(read == asked, "extendedKeyUsage is not the template's");
    // A CA does not hold the purpose that it delegates to its responder (RFC 6960 §4.2.2.2).
    let outer = &issuer.extensions().extended_key_usage;
    if outer.is_empty() || template.role == Role::OcspResponder {
        return;
    }
    let outer: Vec<Option<ObjectIdentifier>> = outer.iter().map(ExtendedKeyUsage::oid).collect();
    findings.unless(
        !read.is_empty() && read.iter().all(|purpose| outer.contains(purpose)),
        "extendedKeyUsage is not within the issuer's",
    );
}

fn lint_constraints(tbs: &TbsCertificate, template: &Template, findings: &mut Findings) {
    let asked = match &template.role {
        Role::Authority {
            name_constraints, ..
        } => name_constraints.clone().unwrap_or_default(),
        Role::EndEntity | Role::OcspResponder => NameConstraints::default(),
    };
    let is_asked = asked != NameConstraints::default();
    findings.unless(
        get::<Constraints>(tbs).is_some_and(|(critical, _)| critical) == is_asked
            && has(tbs, rfc5280::ID_CE_NAME_CONSTRAINTS) == is_asked,
        "nameConstraints are not the template's",
    );
}

fn lint_revocation_data(tbs: &TbsCertificate, template: &Template, findings: &mut Findings) {
    let points = get::<CrlDistributionPoints>(tbs)
        .map(|(_, it)| it.0.len())
        .unwrap_or_default();
    let access = get::<AuthorityInfoAccessSyntax>(tbs)
        .map(|(_, it)| it.0)
        .unwrap_or_default();
    let count = |method| {
        access
            .iter()
            .filter(|it| it.access_method == method)
            .count()
    };
    findings.unless(
        points == template.crl_urls.len(),
        "the CRL URLs are not the template's",
    );
    findings.unless(
        count(rfc5280::ID_AD_OCSP) == template.ocsp_urls.len(),
        "the OCSP URLs are not the template's",
    );
    findings.unless(
        count(rfc5280::ID_AD_CA_ISSUERS) == template.issuer_urls.len(),
        "the issuer URLs are not the template's",
    );
    let needs_none = has(tbs, NO_REV_AVAIL);
    findings.unless(
        needs_none == template.no_revocation_available,
        "noRevAvail is not the template's",
    );
    findings.unless(
        !(needs_none && (points > 0 || count(rfc5280::ID_AD_OCSP) > 0)),
        "it says that no revocation data exists, and where it is", // RFC 9608 §4
    );
    findings.unless(
        has(tbs, TLS_FEATURE) == template.must_staple,
        "the TLS features are not the template's",
    );
}

fn lint_ci_claims(tbs: &TbsCertificate, template: &Template, findings: &mut Findings) {
    let written = all(tbs).iter().filter_map(|extension| {
        let kind = ci_claim_kind(extension)?;
        let value = Utf8StringRef::from_der(extension.extn_value.as_bytes()).ok();
        let value = value.filter(|_| !extension.critical)?;
        let value = value.as_str().to_owned();
        Some(CiClaim { kind, value })
    });
    // One that is critical or no UTF8String is missing here.
    let written: Vec<CiClaim> = written.collect();
    let count = all(tbs).iter().filter_map(ci_claim_kind).count();
    findings.unless(
        written == template.ci_claims && count == written.len(),
        "the claims of a CI job are not the template's",
    );
}

fn ci_claim_kind(extension: &Extension) -> Option<CiClaimKind> {
    CiClaimKind::from_oid(extension.extn_id)
}

/// Everything that this CA writes, beside what CI systems say of their jobs.
const KNOWN: [ObjectIdentifier; 12] = [
    rfc5280::ID_CE_BASIC_CONSTRAINTS,
    rfc5280::ID_CE_KEY_USAGE,
    rfc5280::ID_CE_EXT_KEY_USAGE,
    rfc5280::ID_CE_SUBJECT_ALT_NAME,
    rfc5280::ID_CE_NAME_CONSTRAINTS,
    rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER,
    rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER,
    rfc5280::ID_CE_CRL_DISTRIBUTION_POINTS,
    rfc5280::ID_PE_AUTHORITY_INFO_ACCESS,
    rfc6960::ID_PKIX_OCSP_NOCHECK,
    NO_REV_AVAIL,
    TLS_FEATURE,
];
