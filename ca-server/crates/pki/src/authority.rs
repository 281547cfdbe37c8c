//! Templates of CA certificates: the one place that knows what a root and an intermediate hold.
//!
//! Both the offline ceremonies and `ca-server quickstart` build theirs here.

use crate::certificate::{ExtendedKeyUsage, NameConstraints, PathLength, Role, Template};
use crate::{Certificate, PublicKey, Serial, Validity};

/// What a ceremony decides about a root.
#[derive(Clone, Debug)]
pub struct RootRequest {
    /// The root's Name, encoded.
    pub subject_der: Vec<u8>,
    /// The root's key.
    pub public_key: PublicKey,
    /// The serial number.
    pub serial: Serial,
    /// From when to when.
    pub validity: Validity,
}

/// What a ceremony decides about a CA certificate that a root signs.
#[derive(Clone, Debug)]
pub struct SubordinateRequest {
    /// The subordinate's Name, encoded.
    pub subject_der: Vec<u8>,
    /// The subordinate's key.
    pub public_key: PublicKey,
    /// The serial number.
    pub serial: Serial,
    /// From when to when; never past the root's own end.
    pub validity: Validity,
    /// How many CAs may follow below.
    pub path_length: PathLength,
    /// Purposes that its leaves may have; empty leaves the extension out (cross-signed roots).
    pub extended_key_usage: Vec<ExtendedKeyUsage>,
    /// Names that its leaves may have.
    pub name_constraints: Option<NameConstraints>,
    /// Where the root's CRL is.
    pub crl_urls: Vec<String>,
    /// Where the root's certificate is.
    pub issuer_urls: Vec<String>,
}

/// Returns the template of a self-signed root.
pub fn root(request: RootRequest) -> Template {
    Template {
        serial: request.serial,
        signature_algorithm: request.public_key.signature_algorithm(),
        issuer_der: request.subject_der.clone(),
        subject_der: request.subject_der,
        validity: request.validity,
        public_key: request.public_key,
        kept_key_identifier: None,
        authority_key_identifier: None,
        role: Role::Authority {
            path_length: PathLength::Unlimited,
            name_constraints: None,
        },
        extended_key_usage: Vec::new(),
        sans: Vec::new(),
        crl_urls: Vec::new(),
        ocsp_urls: Vec::new(),
        issuer_urls: Vec::new(),
        no_revocation_available: false,
        must_staple: false,
        ci_claims: Vec::new(),
    }
}

/// Returns the template of a CA certificate below `issuer`, signed with `issuer`'s key.
pub fn subordinate(issuer: &Certificate, request: SubordinateRequest) -> Template {
    Template {
        serial: request.serial,
        signature_algorithm: issuer.public_key().signature_algorithm(),
        issuer_der: issuer.subject_der().to_vec(),
        subject_der: request.subject_der,
        validity: request.validity,
        public_key: request.public_key,
        kept_key_identifier: None,
        authority_key_identifier: Some(issuer.key_identifier()),
        role: Role::Authority {
            path_length: request.path_length,
            name_constraints: request.name_constraints,
        },
        extended_key_usage: request.extended_key_usage,
        sans: Vec::new(),
        crl_urls: request.crl_urls,
        ocsp_urls: Vec::new(),
        issuer_urls: request.issuer_urls,
        no_revocation_available: false,
        must_staple: false,
        ci_claims: Vec::new(),
    }
}

/// Returns the template of a certificate below `issuer` for a CA that has another one, `existing`.
///
/// It keeps the subjectKeyIdentifier: everything that the CA signed names that as its issuer's, and
/// path builders would find no way from there to the new certificate.
pub fn cross(
    issuer: &Certificate,
    existing: &Certificate,
    request: SubordinateRequest,
) -> Template {
    Template {
        kept_key_identifier: Some(existing.key_identifier()),
        ..subordinate(issuer, request)
    }
}
