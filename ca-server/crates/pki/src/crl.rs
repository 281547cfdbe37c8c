//! Certificate revocation lists (RFC 5280 §5), v2, complete, with numbers.

use std::fmt;

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
    issuer_der: Vec<u8>,
    number: Option<u64>,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    revoked: Vec<RevokedCertificate>,
}

impl RevocationReason {
    /// Returns the reason with the RFC 5280 code; `None` for 7 and anything above 10.
    pub fn from_code(code: u8) -> Option<Self> {
        let _ = code;
        todo!()
    }

    /// Returns the RFC 5280 code.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Parses the RFC 5280 name, for example `keyCompromise`.
    pub fn parse(name: &str) -> Option<Self> {
        let _ = name;
        todo!()
    }
}

impl fmt::Display for RevocationReason {
    /// Writes the RFC 5280 name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _ = f;
        todo!()
    }
}

impl CrlTemplate {
    /// Returns the TBSCertList in DER: the bytes to sign. An empty list leaves the field out.
    pub fn to_be_signed(&self, revoked: &[RevokedCertificate]) -> Vec<u8> {
        let _ = revoked;
        todo!()
    }
}

/// Joins a TBSCertList and its signature into a CRL in DER.
pub fn assemble(tbs_der: &[u8], algorithm: SignatureAlgorithm, signature: &[u8]) -> Vec<u8> {
    let _ = (tbs_der, algorithm, signature);
    todo!()
}

impl Crl {
    /// Parses a CRL in DER or PEM (`X509 CRL`).
    pub fn parse(unverified: &[u8]) -> Result<Self, CertificateError> {
        let _ = unverified;
        todo!()
    }

    /// Verifies the signature with `issuer`'s key and that the names match.
    pub fn verify_issued_by(&self, issuer: &Certificate) -> Result<(), CertificateError> {
        let _ = issuer;
        todo!()
    }

    /// Returns the original bytes in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
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
