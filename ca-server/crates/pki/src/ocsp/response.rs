//! Writing responses (RFC 6960 §4.2.1). Equal input gives equal octets.

use super::request::OID_NONCE;
use super::{CertStatus, OcspFailure, ResponseTemplate, SingleResponse};
use crate::crl::RevocationReason;
use crate::tlv::{self, algorithm, element, push_generalized_time};
use crate::{SignatureAlgorithm, Timestamp};

/// Returns ResponseData.
pub(super) fn to_be_signed(template: &ResponseTemplate) -> Vec<u8> {
    let key_hash = element(tlv::OCTET_STRING, &[&template.responder_key_hash]);
    let responder = element(tlv::context(2), &[&key_hash]); // byKey
    let produced_at = time(template.produced_at);
    let singles: Vec<Vec<u8>> = template.responses.iter().map(single_response).collect();
    let singles: Vec<&[u8]> = singles.iter().map(Vec::as_slice).collect();
    let responses = element(tlv::SEQUENCE, &singles);
    let extensions = template
        .nonce
        .as_deref()
        .map(nonce_extension)
        .unwrap_or_default();
    element(
        tlv::SEQUENCE,
        &[&responder, &produced_at, &responses, &extensions],
    )
}

/// Returns an OCSPResponse with status `successful` around a BasicOCSPResponse.
pub(super) fn assemble(
    tbs: &[u8],
    algorithm: SignatureAlgorithm,
    signature: &[u8],
    responder_der: &[u8],
) -> Vec<u8> {
    let algorithm = algorithm::algorithm_identifier(algorithm);
    let signature = element(tlv::BIT_STRING, &[&[0], signature]);
    let certificates = element(
        tlv::context(0),
        &[&element(tlv::SEQUENCE, &[responder_der])],
    );
    let basic = element(tlv::SEQUENCE, &[tbs, algorithm, &signature, &certificates]);
    let content = element(tlv::OCTET_STRING, &[&basic]);
    let bytes = element(tlv::SEQUENCE, &[OID_BASIC, &content]);
    element(
        tlv::SEQUENCE,
        &[SUCCESSFUL, &element(tlv::context(0), &[&bytes])],
    )
}

/// Returns an OCSPResponse that holds its status and nothing else.
pub(super) fn failure(failure: OcspFailure) -> Vec<u8> {
    let code = match failure {
        OcspFailure::MalformedRequest => 1,
        OcspFailure::InternalError => 2,
        OcspFailure::TryLater => 3,
        OcspFailure::Unauthorized => 6,
    };
    element(tlv::SEQUENCE, &[&[tlv::ENUMERATED, 1, code]])
}

fn single_response(single: &SingleResponse) -> Vec<u8> {
    let status = status(single.status);
    let this_update = time(single.this_update);
    let next_update = element(tlv::context(0), &[&time(single.next_update)]);
    element(
        tlv::SEQUENCE,
        &[&single.cert_id.der, &status, &this_update, &next_update],
    )
}

fn status(status: CertStatus) -> Vec<u8> {
    match status {
        CertStatus::Good => vec![0x80, 0],
        CertStatus::Unknown => vec![0x82, 0],
        CertStatus::Revoked {
            at,
            reason: RevocationReason::Unspecified,
        } => element(tlv::context(1), &[&time(at)]),
        CertStatus::Revoked { at, reason } => {
            let code = [tlv::ENUMERATED, 1, reason.code()];
            element(
                tlv::context(1),
                &[&time(at), &element(tlv::context(0), &[&code])],
            )
        }
    }
}

/// responseExtensions with the nonce alone, not critical (RFC 9654 §2.1).
fn nonce_extension(nonce: &[u8]) -> Vec<u8> {
    let oid = element(tlv::OBJECT_IDENTIFIER, &[OID_NONCE]);
    let value = element(tlv::OCTET_STRING, &[&element(tlv::OCTET_STRING, &[nonce])]);
    let extension = element(tlv::SEQUENCE, &[&oid, &value]);
    element(tlv::context(1), &[&element(tlv::SEQUENCE, &[&extension])])
}

fn time(moment: Timestamp) -> Vec<u8> {
    let mut out = Vec::with_capacity(tlv::MAX_TIME_BYTES);
    push_generalized_time(&mut out, moment);
    out
}

const SUCCESSFUL: &[u8] = &[tlv::ENUMERATED, 1, 0];
/// id-pkix-ocsp-basic.
const OID_BASIC: &[u8] = b"\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x01";
