//! Certificates (RFC 5280): read, judged, and built in two steps so that any token can sign.

mod chain;
mod ci_claim;
mod constraints;
mod extended_key_usage;
mod extensions;
mod parse;
mod template;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use const_oid::ObjectIdentifier;

pub use chain::verify_authority_chain;
pub use ci_claim::{CiClaim, CiClaimKind};
pub use constraints::{NameConstraints, Subtrees};
pub use extended_key_usage::ExtendedKeyUsage;
pub use extensions::{Extensions, KeyUsage, PathLength};
pub use template::{Role, Template};

pub use crate::name::{
    NameFault, member_name, name_from_text, name_with_common_name, same_attributes,
    to_text as name_to_text,
};

use crate::key::PublicKeyError;
use crate::pem::PemError;
use crate::{PublicKey, Serial, SignatureAlgorithm, Validity, asn1, key, name};

/// A parsed certificate together with its original bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    tbs_der: Vec<u8>,
    serial: Serial,
    issuer_der: Vec<u8>,
    subject_der: Vec<u8>,
    validity: Validity,
    public_key: PublicKey,
    signature_algorithm: SignatureAlgorithm,
    signature: Vec<u8>,
    extensions: Extensions,
}

/// Why a certificate could not be read, built or trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not a certificate in DER.
    #[error("not an X.509 certificate in DER")]
    Malformed,
    /// PEM that does not decode.
    #[error("the certificate's PEM is damaged")]
    Pem(#[from] PemError),
    /// A key that is refused.
    #[error("the certificate's key is refused")]
    Key(#[from] PublicKeyError),
    /// A signature algorithm that this CA does not know.
    #[error("the certificate's signature algorithm is not supported")]
    SignatureAlgorithm,
    /// A template that contradicts itself; the text says where.
    #[error("the certificate cannot be built: {0}")]
    Template(&'static str),
    /// Subject text that is not a distinguished name.
    #[error("{0:?} is not a subject: write it as \"CN=Example Issuing CA,O=Example\"")]
    Subject(String),
    /// A CRL that cannot be used; the text says why.
    #[error("the CRL cannot be used: {0}")]
    Crl(&'static str),
    /// A chain that does not hold; the text says why.
    #[error("the chain does not hold: {0}")]
    Chain(String),
}

impl Certificate {
    /// Parses DER; nothing may follow.
    pub fn parse(unverified_der: &[u8]) -> Result<Self, CertificateError> {
        parse::parse(unverified_der)
    }

    /// Parses every `CERTIFICATE` block of PEM text; at least one.
    pub fn parse_pem_chain(unverified_pem: &str) -> Result<Vec<Self>, CertificateError> {
        let blocks = crate::pem::decode_all("CERTIFICATE", unverified_pem)?;
        blocks.iter().map(|block| Self::parse(block)).collect()
    }

    /// Joins to-be-signed bytes and their signature, then parses the whole.
    pub fn assemble(
        tbs_der: &[u8],
        algorithm: SignatureAlgorithm,
        signature: &[u8],
    ) -> Result<Self, CertificateError> {
        Self::parse(&asn1::signed(tbs_der, algorithm, signature))
    }

    /// Returns the original bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns one PEM block.
    pub fn pem(&self) -> String {
        crate::pem::encode("CERTIFICATE", &self.der)
    }

    /// Returns the bytes that the signature covers.
    pub fn tbs_der(&self) -> &[u8] {
        &self.tbs_der
    }

    /// Returns the serial number.
    pub fn serial(&self) -> &Serial {
        &self.serial
    }

    /// Returns the issuer's encoded Name.
    pub fn issuer_der(&self) -> &[u8] {
        &self.issuer_der
    }

    /// Returns the subject's encoded Name.
    pub fn subject_der(&self) -> &[u8] {
        &self.subject_der
    }

    /// Returns the subject for people: `CN=…,O=…`, in the order of its encoding, with the escapes
    /// of RFC 4514, as [`name_from_text`] takes it.
    pub fn subject_text(&self) -> String {
        name::to_text(&self.subject_der)
    }

    /// Returns notBefore and notAfter.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// Returns the subject's key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Returns the extensions that are acted upon.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Returns what certificates signed by this one name as their issuer's key: its
    /// subjectKeyIdentifier, or where it has none what would stand there.
    pub fn key_identifier(&self) -> Vec<u8> {
        let own = self.extensions.subject_key_identifier.clone();
        own.unwrap_or_else(|| self.public_key.key_identifier().to_vec())
    }

    /// Returns SHA-256 of the whole certificate.
    pub fn fingerprint_sha256(&self) -> [u8; 32] {
        key::sha256(&self.der)
    }

    /// Returns the ARI identifier: base64url(AKI) `.` base64url(serial octets) (RFC 9773 §4.1).
    pub fn renewal_id(&self) -> Option<String> {
        let authority = self.extensions.authority_key_identifier.as_ref()?;
        // The content octets of the INTEGER, so with the zero before a set top bit.
        let mut serial = self.serial.as_be_bytes().to_vec();
        if serial.first().is_some_and(|first| *first >= 0x80) {
            serial.insert(0, 0);
        }
        Some(format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(authority),
            URL_SAFE_NO_PAD.encode(serial)
        ))
    }

    /// Verifies this certificate's signature with `issuer`'s key and that the names match.
    pub fn verify_issued_by(&self, issuer: &Self) -> Result<(), CertificateError> {
        chain::verify_issued_by(self, issuer)
    }
}

/// TLS feature (RFC 7633 §3).
pub(crate) const TLS_FEATURE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.24");
/// noRevAvail (RFC 9608 §2).
pub(crate) const NO_REV_AVAIL: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.56");

#[cfg(test)]
mod tests;
