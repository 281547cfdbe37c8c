//! OCSP (RFC 6960, RFC 9654): requests read, responses built in two steps.

use crate::crl::RevocationReason;
use crate::{Certificate, Serial, SignatureAlgorithm, Timestamp};

/// The hash of a CertID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertIdHash {
    /// SHA-1, what openssl and most clients send.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// A CertID (RFC 6960 §4.1.1): which certificate of which issuer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CertId {
    /// The hash.
    pub hash: CertIdHash,
    /// Hash of the issuer's Name.
    pub issuer_name_hash: Vec<u8>,
    /// Hash of the issuer's key bits.
    pub issuer_key_hash: Vec<u8>,
    /// The serial number asked about.
    pub serial: Serial,
    /// The CertID as the client encoded it, echoed byte for byte in the response.
    pub der: Vec<u8>,
}

/// A parsed request.
#[derive(Clone, Debug)]
pub struct OcspRequest {
    /// At least one, at most [`OcspRequest::MAX_CERT_IDS`].
    pub cert_ids: Vec<CertId>,
    /// The nonce's octets (1 to 128; RFC 9654 §2.1), content of the inner OCTET STRING.
    pub nonce: Option<Vec<u8>>,
}

/// A request that is answered with `malformedRequest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the OCSP request is malformed")]
pub struct MalformedRequest;

/// Answers without a signature (RFC 6960 §4.2.1 OCSPResponseStatus).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcspFailure {
    /// malformedRequest (1).
    MalformedRequest,
    /// internalError (2).
    InternalError,
    /// tryLater (3).
    TryLater,
    /// unauthorized (6): not our issuer.
    Unauthorized,
}

/// What is known of one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertStatus {
    /// Issued and not revoked.
    Good,
    /// Revoked.
    Revoked {
        /// When.
        at: Timestamp,
        /// Why; `Unspecified` is left out of the encoding.
        reason: RevocationReason,
    },
    /// Never issued.
    Unknown,
}

/// One SingleResponse.
#[derive(Clone, Debug)]
pub struct SingleResponse {
    /// Which certificate.
    pub cert_id: CertId,
    /// Its status.
    pub status: CertStatus,
    /// thisUpdate.
    pub this_update: Timestamp,
    /// nextUpdate.
    pub next_update: Timestamp,
}

/// A response before it is signed.
#[derive(Clone, Debug)]
pub struct ResponseTemplate {
    /// The responder's key hash: SHA-1 of its key bits (ResponderID byKey).
    pub responder_key_hash: [u8; 20],
    /// producedAt.
    pub produced_at: Timestamp,
    /// One for each CertID asked about.
    pub responses: Vec<SingleResponse>,
    /// The nonce to echo.
    pub nonce: Option<Vec<u8>>,
}

impl CertId {
    /// Returns whether the CertID names `issuer` (hashes of its subject Name and key bits).
    pub fn names(&self, issuer: &Certificate) -> bool {
        let _ = issuer;
        todo!()
    }
}

impl OcspRequest {
    /// The most CertIDs that one request may hold.
    pub const MAX_CERT_IDS: usize = 64;

    /// Parses a request in DER, at most 16 KiB. A requestor's signature is ignored (RFC 6960
    /// §4.1.2 leaves it optional); critical extensions other than the nonce are refused.
    pub fn parse(unverified_der: &[u8]) -> Result<Self, MalformedRequest> {
        let _ = unverified_der;
        todo!()
    }
}

impl OcspFailure {
    /// Returns the whole OCSPResponse in DER.
    pub fn to_der(self) -> Vec<u8> {
        todo!()
    }
}

impl ResponseTemplate {
    /// Returns ResponseData in DER: the bytes to sign.
    pub fn to_be_signed(&self) -> Vec<u8> {
        todo!()
    }
}

/// Joins ResponseData, its signature and the responder's certificate into an OCSPResponse in DER.
pub fn assemble(
    tbs_der: &[u8],
    algorithm: SignatureAlgorithm,
    signature: &[u8],
    responder: &Certificate,
) -> Vec<u8> {
    let _ = (tbs_der, algorithm, signature, responder);
    todo!()
}

/// Returns SHA-1 of the key bits, for ResponderID byKey.
pub fn responder_key_hash(responder: &Certificate) -> [u8; 20] {
    let _ = responder;
    todo!()
}
