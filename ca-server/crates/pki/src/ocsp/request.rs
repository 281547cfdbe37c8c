//! Reading requests (RFC 6960 §4.1.1) and the text form that GET carries (RFC 6960 appendix A.1).

use aws_lc_rs::digest;
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{CertId, CertIdHash, MalformedRequest, OcspRequest};
use crate::tlv::{self, Cursor, NotDer, Tlv};
use crate::{Certificate, Serial};

/// Parses OCSPRequest.
pub(super) fn parse(unverified_der: &[u8]) -> Result<OcspRequest, MalformedRequest> {
    if unverified_der.len() > OcspRequest::MAX_BYTES {
        return Err(MalformedRequest);
    }
    let mut outer = Cursor::only(unverified_der, tlv::SEQUENCE)?.inside();
    let tbs = outer.read(tlv::SEQUENCE)?;
    // A signature says who asks. Everybody may, so nothing depends on it.
    outer.optional(tlv::context(0))?;
    outer.finish()?;

    let mut fields = tbs.inside();
    if let Some(version) = fields.optional(tlv::context(0))? {
        let version = Cursor::only(version.value, tlv::INTEGER)?;
        if version.value != [0] {
            return Err(MalformedRequest);
        }
    }
    fields.optional(tlv::context(1))?; // requestorName
    let cert_ids = read_request_list(fields.read(tlv::SEQUENCE)?)?;
    let nonce = match fields.optional(tlv::context(2))? {
        Some(extensions) => read_extensions(extensions)?,
        None => None,
    };
    fields.finish()?;
    Ok(OcspRequest { cert_ids, nonce })
}

/// Writes a request about one certificate.
pub(super) fn about(issuer: &Certificate, serial: &Serial) -> Vec<u8> {
    let sha1 = |octets: &[u8]| {
        let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, octets);
        tlv::element(tlv::OCTET_STRING, &[hash.as_ref()])
    };
    let mut number = Vec::new();
    tlv::push_unsigned(&mut number, serial.as_be_bytes());
    let cert_id = [
        SHA1_IDENTIFIER,
        &sha1(issuer.subject_der()),
        &sha1(issuer.public_key().key_bits()),
        &number,
    ];
    // CertID, Request, requestList, TBSRequest, OCSPRequest.
    let cert_id = tlv::element(tlv::SEQUENCE, &cert_id);
    (0..4).fold(cert_id, |inside, _| tlv::element(tlv::SEQUENCE, &[&inside]))
}

/// Finds the CertID of a request that holds one and nothing else.
pub(super) fn lone_cert_id(unverified_der: &[u8]) -> Result<&[u8], NotDer> {
    let mut found = Cursor::only(unverified_der, tlv::SEQUENCE)?;
    // OCSPRequest, TBSRequest, requestList, Request: each with one element.
    for _wrapper in 0..4 {
        found = Cursor::only(found.value, tlv::SEQUENCE)?;
    }
    Ok(found.der)
}

/// Decodes what follows the responder's URL in a GET, then parses it.
pub(super) fn parse_get_path(unverified_path: &str) -> Result<OcspRequest, MalformedRequest> {
    parse(&decode_get_path(unverified_path)?)
}

/// Decodes what follows the responder's URL in a GET.
pub(super) fn decode_get_path(unverified_path: &str) -> Result<Vec<u8>, MalformedRequest> {
    if unverified_path.len() > MAX_PATH_BYTES {
        return Err(MalformedRequest);
    }
    let text: Vec<u8> = percent_decode(unverified_path.as_bytes())?
        .into_iter()
        .map(|octet| match octet {
            b' ' => b'+', // a form decoder on the way turned it
            b'-' => b'+', // URL-safe alphabet
            b'_' => b'/',
            other => other,
        })
        .collect();
    LENIENT_BASE64
        .decode(text)
        .map_err(|_damaged| MalformedRequest)
}

fn read_request_list(list: Tlv<'_>) -> Result<Vec<CertId>, MalformedRequest> {
    let mut requests = list.inside();
    let mut cert_ids = Vec::new();
    while !requests.is_empty() {
        if cert_ids.len() == OcspRequest::MAX_CERT_IDS {
            return Err(MalformedRequest);
        }
        let mut request = requests.read(tlv::SEQUENCE)?.inside();
        cert_ids.push(read_cert_id(request.read(tlv::SEQUENCE)?)?);
        if let Some(extensions) = request.optional(tlv::context(0))? {
            read_extensions(extensions)?;
        }
        request.finish()?;
    }
    if cert_ids.is_empty() {
        Err(MalformedRequest)
    } else {
        Ok(cert_ids)
    }
}

fn read_cert_id(cert_id: Tlv<'_>) -> Result<CertId, MalformedRequest> {
    let mut fields = cert_id.inside();
    let hash = read_hash(fields.read(tlv::SEQUENCE)?)?;
    let issuer_name_hash = fields.read(tlv::OCTET_STRING)?.value;
    let issuer_key_hash = fields.read(tlv::OCTET_STRING)?.value;
    let number = fields.read(tlv::INTEGER)?.integer()?;
    fields.finish()?;
    let expected = hash.digest_bytes();
    let fits = |octets: &[u8]| expected.is_none_or(|expected| octets.len() == expected);
    if !fits(issuer_name_hash) || !fits(issuer_key_hash) {
        return Err(MalformedRequest);
    }
    Ok(CertId {
        hash,
        issuer_name_hash: issuer_name_hash.to_vec(),
        issuer_key_hash: issuer_key_hash.to_vec(),
        serial: read_serial(number),
        der: cert_id.der.to_vec(),
    })
}

fn read_hash(algorithm: Tlv<'_>) -> Result<CertIdHash, MalformedRequest> {
    let mut fields = algorithm.inside();
    let oid = fields.read(tlv::OBJECT_IDENTIFIER)?.value;
    let hash = CertIdHash::KNOWN
        .into_iter()
        .find(|(_, known)| *known == oid)
        .map_or(CertIdHash::Other, |(hash, _)| hash);
    if hash == CertIdHash::Other {
        return Ok(hash); // its parameters may be anything
    }
    // NULL or absent: both are in use for hashes (RFC 5754 §2).
    if fields
        .optional(tlv::NULL)?
        .is_some_and(|null| !null.value.is_empty())
    {
        return Err(MalformedRequest);
    }
    fields.finish()?;
    Ok(hash)
}

/// Zero, negative numbers and those of more than 20 octets are nobody's serial.
fn read_serial(number: &[u8]) -> Option<Serial> {
    match number {
        [0x80..=0xff, ..] => None,
        octets => Serial::from_be_bytes(octets).ok(),
    }
}

/// Reads Extensions in their explicit tag; returns the nonce if one is among them.
fn read_extensions(wrapped: Tlv<'_>) -> Result<Option<Vec<u8>>, MalformedRequest> {
    let mut list = Cursor::only(wrapped.value, tlv::SEQUENCE)?.inside();
    let mut nonce = None;
    while !list.is_empty() {
        let mut fields = list.read(tlv::SEQUENCE)?.inside();
        let oid = fields.read(tlv::OBJECT_IDENTIFIER)?.value;
        // Some clients write FALSE, which DER would leave out.
        let critical = fields
            .optional(tlv::BOOLEAN)?
            .is_some_and(|flag| flag.value != [0]);
        let value = fields.read(tlv::OCTET_STRING)?.value;
        fields.finish()?;
        match oid == OID_NONCE {
            true if nonce.is_some() => return Err(MalformedRequest),
            true => nonce = Some(read_nonce(value)?),
            false if critical => return Err(MalformedRequest),
            false => {}
        }
    }
    Ok(nonce)
}

/// Empty and longer than 128 octets: "MUST reject" (RFC 9654 §2.1).
fn read_nonce(value: &[u8]) -> Result<Vec<u8>, MalformedRequest> {
    let nonce = Cursor::only(value, tlv::OCTET_STRING)?.value;
    if (1..=MAX_NONCE_BYTES).contains(&nonce.len()) {
        Ok(nonce.to_vec())
    } else {
        Err(MalformedRequest)
    }
}

fn percent_decode(text: &[u8]) -> Result<Vec<u8>, MalformedRequest> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&octet, after)) = rest.split_first() {
        rest = after;
        if octet != b'%' {
            out.push(octet);
            continue;
        }
        let [high, low, after @ ..] = rest else {
            return Err(MalformedRequest);
        };
        out.push(hex_digit(*high)? << 4 | hex_digit(*low)?);
        rest = after;
    }
    Ok(out)
}

fn hex_digit(digit: u8) -> Result<u8, MalformedRequest> {
    let value = char::from(digit).to_digit(16).ok_or(MalformedRequest)?;
    u8::try_from(value).map_err(|_above_15| MalformedRequest)
}

impl From<NotDer> for MalformedRequest {
    fn from(_: NotDer) -> Self {
        Self
    }
}

/// Padding present, absent or encoded: all three are seen.
const LENIENT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// AlgorithmIdentifier of SHA-1 with NULL, as openssl writes it.
const SHA1_IDENTIFIER: &[u8] = b"\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00";
const MAX_NONCE_BYTES: usize = 128;
/// [`OcspRequest::MAX_BYTES`] in base64 with every character escaped.
const MAX_PATH_BYTES: usize = OcspRequest::MAX_BYTES * 4;
/// id-pkix-ocsp-nonce.
pub(super) const OID_NONCE: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x30\x01\x02";
