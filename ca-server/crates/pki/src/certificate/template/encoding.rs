//! TBSCertificate in DER (RFC 5280 §4.1.2).

use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5280, rfc6960};

use super::{EMPTY_NAME, Role, Template};
use crate::asn1::Criticality::{Critical, NonCritical};
use crate::certificate::{
    CertificateError, CiClaim, ExtendedKeyUsage, KeyUsage, NO_REV_AVAIL, PathLength, TLS_FEATURE,
};
use crate::general_name;
use crate::tlv::algorithm::algorithm_identifier;
use crate::{KeyAlgorithm, asn1};

pub(super) fn to_be_signed(template: &Template) -> Result<Vec<u8>, CertificateError> {
    let validity = asn1::sequence(&[
        &asn1::time(template.validity.not_before),
        &asn1::time(template.validity.not_after),
    ]);
    let extensions = asn1::sequence(&[&extensions(template)?.concat()]);
    Ok(asn1::sequence(&[
        &asn1::constructed(0, &[&asn1::unsigned_integer(&[V3])]),
        &asn1::unsigned_integer(template.serial.as_be_bytes()),
        algorithm_identifier(template.signature_algorithm),
        &template.issuer_der,
        &validity,
        &template.subject_der,
        template.public_key.spki_der(),
        &asn1::constructed(3, &[&extensions]),
    ]))
}

/// Returns the extensions that the template asks for, in one fixed order.
fn extensions(template: &Template) -> Result<Vec<Vec<u8>>, CertificateError> {
    let mut list = Vec::with_capacity(12);
    push_role(&mut list, template);
    push_purposes(&mut list, template)?;
    push_names(&mut list, template);
    push_key_identifiers(&mut list, template);
    push_urls(&mut list, template);
    if template.no_revocation_available {
        list.push(asn1::extension(&NO_REV_AVAIL, NonCritical, &asn1::null()));
    }
    if template.must_staple {
        let status_request = asn1::sequence(&[&asn1::unsigned_integer(&[5])]);
        list.push(asn1::extension(&TLS_FEATURE, NonCritical, &status_request));
    }
    list.extend(template.ci_claims.iter().map(CiClaim::write));
    Ok(list)
}

/// basicConstraints and keyUsage, and what else follows from the role. Leaves have no
/// basicConstraints: absent says the same as false.
fn push_role(list: &mut Vec<Vec<u8>>, template: &Template) {
    let key_usage = match &template.role {
        Role::Authority { path_length, .. } => {
            let value = basic_constraints(*path_length);
            list.push(asn1::extension(
                &rfc5280::ID_CE_BASIC_CONSTRAINTS,
                Critical,
                &value,
            ));
            vec![KeyUsage::KeyCertSign, KeyUsage::CrlSign]
        }
        Role::EndEntity => leaf_key_usage(template),
        Role::OcspResponder => {
            let oid = rfc6960::ID_PKIX_OCSP_NOCHECK;
            list.push(asn1::extension(&oid, NonCritical, &asn1::null()));
            vec![KeyUsage::DigitalSignature]
        }
    };
    let value = KeyUsage::write(&key_usage);
    list.push(asn1::extension(&rfc5280::ID_CE_KEY_USAGE, Critical, &value));
}

fn basic_constraints(path_length: PathLength) -> Vec<u8> {
    let constraint = match path_length {
        PathLength::Unlimited => Vec::new(),
        PathLength::AtMost(most) => asn1::unsigned_integer(&[most]),
    };
    asn1::sequence(&[&asn1::boolean_true(), &constraint])
}

/// keyEncipherment is for TLS servers with RSA key exchange, and an error on other keys
/// (RFC 8813 §3).
fn leaf_key_usage(template: &Template) -> Vec<KeyUsage> {
    let is_server = template
        .extended_key_usage
        .contains(&ExtendedKeyUsage::ServerAuth);
    match template.public_key.algorithm() {
        KeyAlgorithm::Rsa { .. } if is_server => {
            vec![KeyUsage::DigitalSignature, KeyUsage::KeyEncipherment]
        }
        KeyAlgorithm::Rsa { .. }
        | KeyAlgorithm::EcP256
        | KeyAlgorithm::EcP384
        | KeyAlgorithm::EcP521
        | KeyAlgorithm::Ed25519 => vec![KeyUsage::DigitalSignature],
    }
}

fn push_purposes(list: &mut Vec<Vec<u8>>, template: &Template) -> Result<(), CertificateError> {
    let purposes = match &template.role {
        Role::OcspResponder => &[ExtendedKeyUsage::OcspSigning],
        Role::Authority { .. } | Role::EndEntity => template.extended_key_usage.as_slice(),
    };
    if purposes.is_empty() {
        return Ok(());
    }
    let oids: Option<Vec<ObjectIdentifier>> = purposes.iter().map(ExtendedKeyUsage::oid).collect();
    let oids = oids.ok_or(CertificateError::Template(
        "a purpose is not an object identifier",
    ))?;
    let written: Vec<u8> = oids.iter().flat_map(asn1::oid).collect();
    let value = asn1::sequence(&[&written]);
    list.push(asn1::extension(
        &rfc5280::ID_CE_EXT_KEY_USAGE,
        NonCritical,
        &value,
    ));
    Ok(())
}

fn push_names(list: &mut Vec<Vec<u8>>, template: &Template) {
    if !template.sans.is_empty() {
        // "MUST mark critical" where the subject is empty (RFC 5280 §4.2.1.6), and only there.
        let criticality = if template.subject_der == EMPTY_NAME {
            Critical
        } else {
            NonCritical
        };
        let value = general_name::write_alternative_names(&template.sans);
        list.push(asn1::extension(
            &rfc5280::ID_CE_SUBJECT_ALT_NAME,
            criticality,
            &value,
        ));
    }
    if let Role::Authority {
        name_constraints: Some(constraints),
        ..
    } = &template.role
        && let Some(value) = constraints.write()
    {
        list.push(asn1::extension(
            &rfc5280::ID_CE_NAME_CONSTRAINTS,
            Critical,
            &value,
        ));
    }
}

fn push_key_identifiers(list: &mut Vec<Vec<u8>>, template: &Template) {
    let own = asn1::octet_string(&template.own_key_identifier());
    list.push(asn1::extension(
        &rfc5280::ID_CE_SUBJECT_KEY_IDENTIFIER,
        NonCritical,
        &own,
    ));
    if let Some(identifier) = &template.authority_key_identifier {
        let value = asn1::sequence(&[&asn1::primitive(0, identifier)]);
        list.push(asn1::extension(
            &rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER,
            NonCritical,
            &value,
        ));
    }
}

fn push_urls(list: &mut Vec<Vec<u8>>, template: &Template) {
    if !template.crl_urls.is_empty() {
        let points = template.crl_urls.iter().map(|url| distribution_point(url));
        let value = asn1::sequence(&[&points.collect::<Vec<_>>().concat()]);
        list.push(asn1::extension(
            &rfc5280::ID_CE_CRL_DISTRIBUTION_POINTS,
            NonCritical,
            &value,
        ));
    }
    let ocsp = template
        .ocsp_urls
        .iter()
        .map(|url| access(&rfc5280::ID_AD_OCSP, url));
    let issuers = template
        .issuer_urls
        .iter()
        .map(|url| access(&rfc5280::ID_AD_CA_ISSUERS, url));
    let written: Vec<u8> = ocsp.chain(issuers).flatten().collect();
    if !written.is_empty() {
        let value = asn1::sequence(&[&written]);
        list.push(asn1::extension(
            &rfc5280::ID_PE_AUTHORITY_INFO_ACCESS,
            NonCritical,
            &value,
        ));
    }
}

fn distribution_point(url: &str) -> Vec<u8> {
    let full_name = asn1::constructed(0, &[&general_name::write_uri(url)]);
    asn1::sequence(&[&asn1::constructed(0, &[&full_name])])
}

fn access(method: &ObjectIdentifier, url: &str) -> Vec<u8> {
    asn1::sequence(&[&asn1::oid(method), &general_name::write_uri(url)])
}

const V3: u8 = 2;
