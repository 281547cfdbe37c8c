//! OCSP (RFC 6960, RFC 9654): requests read, responses built in two steps.

mod request;
mod response;

use aws_lc_rs::digest;

use crate::crl::RevocationReason;
use crate::{Certificate, Serial, SignatureAlgorithm, Timestamp};

/// The hash of a CertID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertIdHash {
    /// SHA-1, what openssl and most clients send.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// One that is not known here: such a CertID names no issuer of ours.
    Other,
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
    /// The serial number asked about; `None` if no certificate can have it (zero, negative, long).
    pub serial: Option<Serial>,
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

/// What CertIDs say of one issuer: its hashes, computed once.
#[derive(Clone, Debug)]
pub struct IssuerHashes([(CertIdHash, Vec<u8>, Vec<u8>); 4]);

impl IssuerHashes {
    /// Hashes the issuer's Name and key bits with every hash that is known.
    pub fn of(issuer: &Certificate) -> Self {
        Self(CertIdHash::KNOWN.map(|(hash, _)| {
            let digest_of = |octets: &[u8]| {
                let algorithm = hash.algorithm();
                algorithm.map(|algorithm| digest::digest(algorithm, octets).as_ref().to_vec())
            };
            let name = digest_of(issuer.subject_der()).unwrap_or_default();
            let key = digest_of(issuer.public_key().key_bits()).unwrap_or_default();
            (hash, name, key)
        }))
    }

    /// Returns whether the CertID names this issuer.
    pub fn named_by(&self, cert_id: &CertId) -> bool {
        self.0.iter().any(|(hash, name, key)| {
            *hash == cert_id.hash
                && *name == cert_id.issuer_name_hash
                && *key == cert_id.issuer_key_hash
        })
    }
}

impl CertIdHash {
    /// The known ones and the content of their object identifiers.
    const KNOWN: [(Self, &'static [u8]); 4] = [
        (Self::Sha1, b"\x2b\x0e\x03\x02\x1a"),
        (Self::Sha256, b"\x60\x86\x48\x01\x65\x03\x04\x02\x01"),
        (Self::Sha384, b"\x60\x86\x48\x01\x65\x03\x04\x02\x02"),
        (Self::Sha512, b"\x60\x86\x48\x01\x65\x03\x04\x02\x03"),
    ];

    /// Returns how to compute it, if it is known.
    fn algorithm(self) -> Option<&'static digest::Algorithm> {
        match self {
            Self::Sha1 => Some(&digest::SHA1_FOR_LEGACY_USE_ONLY),
            Self::Sha256 => Some(&digest::SHA256),
            Self::Sha384 => Some(&digest::SHA384),
            Self::Sha512 => Some(&digest::SHA512),
            Self::Other => None,
        }
    }

    /// Returns the length of its values, if it is known.
    fn digest_bytes(self) -> Option<usize> {
        self.algorithm().map(digest::Algorithm::output_len)
    }
}

impl OcspRequest {
    /// The most CertIDs that one request may hold.
    pub const MAX_CERT_IDS: usize = 64;

    /// The most octets that one request may have.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// Parses a request in DER, at most 16 KiB. A requestor's signature is ignored (RFC 6960
    /// §4.1.2 leaves it optional); critical extensions other than the nonce are refused.
    pub fn parse(unverified_der: &[u8]) -> Result<Self, MalformedRequest> {
        request::parse(unverified_der)
    }

    /// Returns the CertID, as it is encoded, of a request that asks about one certificate and says
    /// nothing else: neither who asks nor an extension. Such requests can share an answer. What is
    /// inside the CertID is not looked at.
    pub fn lone_cert_id(unverified_der: &[u8]) -> Option<&[u8]> {
        request::lone_cert_id(unverified_der).ok()
    }

    /// Decodes what follows the responder's URL and its slash in a GET to a request in DER.
    pub fn decode_get_path(unverified_path: &str) -> Result<Vec<u8>, MalformedRequest> {
        request::decode_get_path(unverified_path)
    }

    /// Parses what follows the responder's URL and its slash in a GET: base64, percent-encoded.
    ///
    /// Clients and proxies disagree about the details, so the URL-safe alphabet, missing padding,
    /// bare slashes and spaces in the place of plus signs are taken too.
    pub fn from_get_path(unverified_path: &str) -> Result<Self, MalformedRequest> {
        request::parse_get_path(unverified_path)
    }
}

impl OcspFailure {
    /// Returns the whole OCSPResponse in DER.
    pub fn to_der(self) -> Vec<u8> {
        response::failure(self)
    }
}

impl ResponseTemplate {
    /// Returns ResponseData in DER: the bytes to sign.
    pub fn to_be_signed(&self) -> Vec<u8> {
        response::to_be_signed(self)
    }
}

/// Joins ResponseData, its signature and the responder's certificate into an OCSPResponse in DER.
pub fn assemble(
    tbs_der: &[u8],
    algorithm: SignatureAlgorithm,
    signature: &[u8],
    responder: &Certificate,
) -> Vec<u8> {
    response::assemble(tbs_der, algorithm, signature, responder.der())
}

/// Returns the request in DER about one certificate: SHA-1 CertID, no nonce, as most clients ask.
pub fn request_for(issuer: &Certificate, serial: &Serial) -> Vec<u8> {
    request::about(issuer, serial)
}

/// Returns SHA-1 of the key bits, for ResponderID byKey.
pub fn responder_key_hash(responder: &Certificate) -> [u8; 20] {
    let hash = digest::digest(
        &digest::SHA1_FOR_LEGACY_USE_ONLY,
        responder.public_key().key_bits(),
    );
    let mut octets = [0; 20];
    octets.copy_from_slice(hash.as_ref());
    octets
}

#[cfg(test)]
mod tests;
