//! Certificate revocation lists (RFC 5280 §5), v2, complete, with numbers.

mod encode;
mod entries;
mod parse;
mod signed;

use std::fmt;

pub use self::entries::CrlEntries;
pub use self::signed::{SignedCrl, UnsignedCrl};
use crate::certificate::CertificateError;
use crate::{Certificate, Serial, SignatureAlgorithm, Timestamp};

/// Why a certificate was revoked (RFC 5280 §5.3.1). The numbers are the codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RevocationReason {
    /// No reason given; never encoded.
    Unspecified = 0,
    /// The key is known to somebody else.
    KeyCompromise = 1,
    /// The CA's key is known to somebody else.
    CaCompromise = 2,
    /// The subject's relation to the CA changed.
    AffiliationChanged = 3,
    /// Replaced by another certificate.
    Superseded = 4,
    /// The service ended.
    CessationOfOperation = 5,
    /// Suspended.
    CertificateHold = 6,
    /// Taken off hold (delta CRLs only).
    RemoveFromCrl = 8,
    /// A privilege ended.
    PrivilegeWithdrawn = 9,
    /// The attribute authority's key is known to somebody else.
    AaCompromise = 10,
}

/// One revoked certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// Its serial number.
    pub serial: Serial,
    /// When it was revoked.
    pub revoked_at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
}

/// What is common to all entries of a CRL.
#[derive(Clone, Debug)]
pub struct CrlTemplate {
    /// The issuer's Name, byte for byte.
    pub issuer_der: Vec<u8>,
    /// The issuer's subjectKeyIdentifier.
    pub authority_key_identifier: Vec<u8>,
    /// How it will be signed.
    pub signature_algorithm: SignatureAlgorithm,
    /// cRLNumber.
    pub number: u64,
    /// thisUpdate.
    pub this_update: Timestamp,
    /// nextUpdate.
    pub next_update: Timestamp,
}

/// A parsed CRL together with its original bytes.
#[derive(Clone, Debug)]
pub struct Crl {
    der: Vec<u8>,
    tbs_der: Vec<u8>,
    signature_algorithm: SignatureAlgorithm,
    signature: Vec<u8>,
    issuer_der: Vec<u8>,
    number: Option<u64>,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    revoked: Vec<RevokedCertificate>,
}

impl RevocationReason {
    /// Returns the reason with the RFC 5280 code; `None` for 7 and anything above 10.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// Returns the RFC 5280 code.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Parses the RFC 5280 name, for example `keyCompromise`.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// Returns the RFC 5280 name, for example `keyCompromise`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::RemoveFromCrl => "removeFromCRL",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }

    const ALL: [Self; 10] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::RemoveFromCrl,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];
}

impl fmt::Display for RevocationReason {
    /// Writes the RFC 5280 name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl CrlTemplate {
    /// Returns the TBSCertList in DER: the bytes to sign. An empty list leaves the field out.
    pub fn to_be_signed(&self, revoked: &[RevokedCertificate]) -> Vec<u8> {
        let mut entries = CrlEntries::default();
        entries.extend(revoked);
        self.around(entries).to_der()
    }

    /// Puts the rest of a TBSCertList around entries. An empty list leaves the field out.
    pub fn around(&self, entries: CrlEntries) -> UnsignedCrl {
        UnsignedCrl::new(self, entries)
    }
}

/// Joins a TBSCertList and its signature into a CRL in DER.
pub fn assemble(tbs_der: &[u8], algorithm: SignatureAlgorithm, signature: &[u8]) -> Vec<u8> {
    let (head, tail) = encode::around_signed(tbs_der.len(), algorithm, signature);
    [head.as_slice(), tbs_der, &tail].concat()
}

impl Crl {
    /// The most octets that [`Crl::parse`] takes: more than a million entries in PEM.
    pub const MAX_BYTES: usize = 96 * 1024 * 1024;

    /// Parses one CRL in DER or PEM (`X509 CRL`).
    ///
    /// Only complete version 2 CRLs of one issuer: delta CRLs, indirect ones and those of a part of
    /// the certificates carry critical extensions, and a critical extension is refused.
    pub fn parse(unverified: &[u8]) -> Result<Self, CertificateError> {
        parse::parse(unverified)
    }

    /// Verifies the signature with `issuer`'s key and that the names match.
    pub fn verify_issued_by(&self, issuer: &Certificate) -> Result<(), CertificateError> {
        if self.issuer_der != issuer.subject_der() {
            return Err(CertificateError::Crl("another CA issued it"));
        }
        issuer
            .public_key()
            .verify(self.signature_algorithm, &self.tbs_der, &self.signature)
            .map_err(|_bad_signature| CertificateError::Crl("its signature does not verify"))
    }

    /// Returns the original bytes in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns one PEM block.
    pub fn pem(&self) -> String {
        crate::pem::encode(PEM_LABEL, &self.der)
    }

    /// Returns the issuer's encoded Name.
    pub fn issuer_der(&self) -> &[u8] {
        &self.issuer_der
    }

    /// Returns cRLNumber, if it is there and fits.
    pub fn number(&self) -> Option<u64> {
        self.number
    }

    /// Returns thisUpdate.
    pub fn this_update(&self) -> Timestamp {
        self.this_update
    }

    /// Returns nextUpdate.
    pub fn next_update(&self) -> Option<Timestamp> {
        self.next_update
    }

    /// Returns the entries in their order.
    pub fn revoked(&self) -> &[RevokedCertificate] {
        &self.revoked
    }
}

/// What stands in the PEM header of a CRL (RFC 7468 §6).
pub const PEM_LABEL: &str = "X509 CRL";

#[cfg(test)]
mod tests;
