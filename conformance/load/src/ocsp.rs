//! OCSP as a relying party does it (RFC 6960, RFC 5019): one serial, no nonce.

use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::der::{self, Leaf};
use crate::error::Error;

/// The type of a request in a body (RFC 6960, appendix A.1).
pub(crate) const REQUEST_TYPE: &str = "application/ocsp-request";

/// Whom to ask about: the issuer's name and key, hashed.
#[derive(Clone, Debug)]
pub(crate) struct Issuer {
    name_hash: Vec<u8>,
    key_hash: Vec<u8>,
}

/// What an answer says of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// It is not revoked.
    Good,
    /// It is.
    Revoked,
    /// It was never issued.
    Unknown,
}

impl Issuer {
    /// Hashes an issuer's name and key.
    pub(crate) fn of(issuer: &Leaf) -> Self {
        let hash = |octets: &[u8]| digest(&SHA1_FOR_LEGACY_USE_ONLY, octets).as_ref().to_vec();
        Self {
            name_hash: hash(&issuer.subject),
            key_hash: hash(&issuer.public_key),
        }
    }

    /// Returns a request about a serial.
    pub(crate) fn request(&self, serial: &[u8]) -> Vec<u8> {
        let mut id = SHA1.to_vec();
        id.extend(wrap(OCTETS, &self.name_hash));
        id.extend(wrap(OCTETS, &self.key_hash));
        id.extend(wrap(INTEGER, serial));
        // OCSPRequest, TBSRequest, requestList, Request, CertID
        (0..5).fold(id, |inner, _| wrap(SEQUENCE, &inner))
    }
}

/// Returns the path of a request by GET (RFC 6960 appendix A.1).
pub(crate) fn path(responder: &str, request: &[u8]) -> String {
    let text = STANDARD.encode(request);
    let escaped = text
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D");
    format!("{}/{escaped}", responder.trim_end_matches('/'))
}

/// Reads what an answer says; the signature is for others to judge.
pub(crate) fn read(answer: &[u8]) -> Result<Said, Error> {
    let later = Some(Duration::from_secs(1));
    let refused = |problem: &str| Error::Refused {
        step: "ocsp",
        status: 200,
        problem: problem.to_owned(),
        retry_after: later.filter(|_| problem == "tryLater"),
    };
    let malformed = || Error::Body("an OCSP answer that is none".to_owned());
    let outer = der::element(answer).ok_or_else(malformed)?;
    match der::element(outer.content).ok_or_else(malformed)?.content {
        [0] => status(outer.content).ok_or_else(malformed),
        [3] => Err(refused("tryLater")),
        [6] => Err(refused("unauthorized")),
        other => Err(refused(&format!("status {other:?}"))),
    }
}

// RFC 6960 §4.2.1: down to the first SingleResponse, whose second field is the status.
fn status(response: &[u8]) -> Option<Said> {
    let bytes = der::element(der::elements(response).nth(1)?.content)?;
    let basic = der::element(der::elements(bytes.content).nth(1)?.content)?;
    let data = der::element(basic.content)?;
    let list = der::elements(data.content).find(|field| field.tag == SEQUENCE)?;
    let single = der::element(list.content)?;
    match der::elements(single.content).nth(1)?.tag {
        0x80 => Some(Said::Good),
        0xa1 => Some(Said::Revoked),
        0x82 => Some(Said::Unknown),
        _ => None,
    }
}

/// Nothing in a request is longer than 127 octets.
fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut whole = vec![tag, u8::try_from(content.len()).unwrap_or_default()];
    whole.extend_from_slice(content);
    whole
}

/// AlgorithmIdentifier of SHA-1, with NULL.
const SHA1: &[u8] = &[0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0];
const SEQUENCE: u8 = 0x30;
const OCTETS: u8 = 4;
const INTEGER: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_base64_and_paths_share() {
        assert_eq!(path("/ocsp/tls/", &[0xfb, 0xff]), "/ocsp/tls/%2B%2F8%3D");
    }

    #[test]
    fn tells_a_failure_from_an_answer() {
        let error = read(&[0x30, 3, 0x0a, 1, 3]).unwrap_err();

        assert_eq!(error.kind(), "ocsp: 200 tryLater");
    }
}
