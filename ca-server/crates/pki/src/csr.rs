//! Certification requests (RFC 2986): the proof that a requester holds its key.

mod parse;

use std::collections::BTreeSet;

use const_oid::db::{rfc5280, rfc5912};

use crate::identifier::IdentifierError;
use crate::key::PublicKeyError;
use crate::pem::PemError;
use crate::{Identifier, PublicKey, asn1, general_name, key};

/// A request that is well formed, has an acceptable key and is signed by it.
///
/// Holding one proves: DER without rest, PKCS#10 v1, signature verified over the original bytes,
/// key acceptable to [`PublicKey::from_spki_der`], every SAN and every common name parsed. Only
/// SAN types dns, ip, uri, email exist in it; other subject attributes and unknown extensions are
/// ignored on purpose (acme.sh and old cert-manager send `O`).
#[derive(Debug)]
pub struct Csr {
    der: Vec<u8>,
    public_key: PublicKey,
    subject_der: Vec<u8>,
    sans: BTreeSet<Identifier>,
    common_names: Vec<String>,
    must_staple: bool,
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CsrError {
    /// Not PKCS#10 in DER, or more than 64 KiB.
    #[error("the CSR is not a PKCS#10 request in DER")]
    Malformed,
    /// PEM that does not decode.
    #[error("the CSR's PEM is damaged")]
    Pem(#[from] PemError),
    /// A key that is refused.
    #[error("the CSR's key is refused")]
    Key(#[from] PublicKeyError),
    /// Signed with MD5, SHA-1 or something unknown.
    #[error("the CSR's signature algorithm is not supported")]
    SignatureAlgorithm,
    /// The signature does not verify.
    #[error("the CSR's signature does not verify with its own key")]
    Signature,
    /// A subject alternative name of a type that is never issued.
    #[error("the CSR has a subject alternative name that is not a dns, ip, uri or email name")]
    SanType,
    /// A name that does not parse.
    #[error("a name in the CSR is not usable")]
    Name(#[from] IdentifierError),
    /// More than 100 names.
    #[error("the CSR has more than 100 names")]
    TooManyNames,
}

impl Csr {
    /// Parses and verifies a request in DER.
    pub fn parse(unverified_der: &[u8]) -> Result<Self, CsrError> {
        parse::parse(unverified_der)
    }

    /// Parses and verifies a request in PEM (`CERTIFICATE REQUEST` or `NEW CERTIFICATE REQUEST`).
    pub fn parse_pem(unverified_pem: &str) -> Result<Self, CsrError> {
        let blocks = crate::pem::decode_all("CERTIFICATE REQUEST", unverified_pem)
            .or_else(|_| crate::pem::decode_all("NEW CERTIFICATE REQUEST", unverified_pem))?;
        match blocks.as_slice() {
            [only] => Self::parse(only),
            _ => Err(CsrError::Malformed),
        }
    }

    /// Returns the original bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns the key that signed the request.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Returns the subject as an encoded Name.
    pub fn subject_der(&self) -> &[u8] {
        &self.subject_der
    }

    /// Returns the subject alternative names.
    pub fn sans(&self) -> &BTreeSet<Identifier> {
        &self.sans
    }

    /// Returns every common name of the subject, trimmed, not yet judged.
    pub fn common_names(&self) -> &[String] {
        &self.common_names
    }

    /// Returns whether the TLS feature extension asks for stapling (RFC 7633).
    pub fn must_staple(&self) -> bool {
        self.must_staple
    }

    /// Returns SHA-256 of the request's DER: what a ceremony asks to be typed back.
    pub fn fingerprint_sha256(&self) -> [u8; 32] {
        key::sha256(&self.der)
    }
}

/// The content of a request before it is signed.
#[derive(Debug, Clone)]
pub struct CsrTemplate {
    /// The subject, an encoded Name (see [`crate::certificate::name_from_text`]).
    pub subject_der: Vec<u8>,
    /// The key that will sign.
    pub public_key: PublicKey,
    /// Names for the SAN extension; empty leaves it out.
    pub sans: Vec<Identifier>,
}

impl CsrTemplate {
    /// Returns the CertificationRequestInfo in DER: the bytes to sign.
    pub fn to_be_signed(&self) -> Vec<u8> {
        asn1::sequence(&[
            &asn1::unsigned_integer(&[0]),
            &self.subject_der,
            self.public_key.spki_der(),
            &asn1::constructed(0, &[&self.extension_request()]),
        ])
    }

    /// Joins the bytes that were signed and their signature into a PKCS#10 request in DER.
    pub fn assemble(&self, to_be_signed: &[u8], signature: &[u8]) -> Vec<u8> {
        asn1::signed(
            to_be_signed,
            self.public_key.signature_algorithm(),
            signature,
        )
    }

    /// Returns the extensionRequest attribute (RFC 2985 §5.4.2); nothing without names.
    fn extension_request(&self) -> Vec<u8> {
        if self.sans.is_empty() {
            return Vec::new();
        }
        let names = asn1::extension(
            &rfc5280::ID_CE_SUBJECT_ALT_NAME,
            asn1::Criticality::NonCritical,
            &general_name::write_alternative_names(&self.sans),
        );
        let extensions = asn1::sequence(&[&names]);
        asn1::sequence(&[
            &asn1::oid(&rfc5912::ID_EXTENSION_REQ),
            &asn1::set_of_one(&extensions),
        ])
    }
}

#[cfg(test)]
mod tests;
