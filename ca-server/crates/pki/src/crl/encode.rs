//! Writing: what stands around the entries, and each of them.

use super::{CrlTemplate, RevocationReason};
use crate::SignatureAlgorithm;
use crate::tlv::{self, algorithm, element, push_header, push_time, push_unsigned};

/// Returns the TBSCertList (RFC 5280 §5.1.2) up to its entries, which take `entries_bytes`, and
/// what follows them.
pub(super) fn around(template: &CrlTemplate, entries_bytes: usize) -> (Vec<u8>, Vec<u8>) {
    let fields = fields(template);
    let extensions = extensions(template);
    let list_header = match entries_bytes {
        0 => Vec::new(), // "MUST be absent" (RFC 5280 §5.1.2.6)
        _ => header(tlv::SEQUENCE, entries_bytes),
    };
    let length = fields.len() + list_header.len() + entries_bytes + extensions.len();
    let head = [header(tlv::SEQUENCE, length), fields, list_header].concat();
    (head, extensions)
}

/// Returns the header of the CertificateList (RFC 5280 §5.1.1) around a TBSCertList of
/// `tbs_bytes`, and what follows that.
pub(super) fn around_signed(
    tbs_bytes: usize,
    algorithm: SignatureAlgorithm,
    signature: &[u8],
) -> (Vec<u8>, Vec<u8>) {
    let signature = element(tlv::BIT_STRING, &[&[0], signature]);
    let tail = [algorithm::algorithm_identifier(algorithm), &signature].concat();
    (header(tlv::SEQUENCE, tbs_bytes + tail.len()), tail)
}

/// Version, algorithm, issuer and times.
fn fields(template: &CrlTemplate) -> Vec<u8> {
    let mut out = vec![tlv::INTEGER, 1, 1]; // v2
    out.extend_from_slice(algorithm::algorithm_identifier(
        template.signature_algorithm,
    ));
    out.extend_from_slice(&template.issuer_der);
    push_time(&mut out, template.this_update);
    push_time(&mut out, template.next_update);
    out
}

/// authorityKeyIdentifier and cRLNumber, neither critical (RFC 5280 §5.2.1, §5.2.3).
fn extensions(template: &CrlTemplate) -> Vec<u8> {
    let key_identifier = element(0x80, &[&template.authority_key_identifier]);
    let authority = extension(
        OID_AUTHORITY_KEY_IDENTIFIER,
        &element(tlv::SEQUENCE, &[&key_identifier]),
    );
    let octets = template.number.to_be_bytes();
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    let mut number = Vec::new();
    push_unsigned(&mut number, octets.get(zeros..).unwrap_or_default());
    let number = extension(OID_CRL_NUMBER, &number);
    element(
        tlv::context(0),
        &[&element(tlv::SEQUENCE, &[&authority, &number])],
    )
}

fn extension(oid: &[u8], value: &[u8]) -> Vec<u8> {
    element(tlv::SEQUENCE, &[oid, &element(tlv::OCTET_STRING, &[value])])
}

fn header(tag: u8, length: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(10);
    push_header(&mut out, tag, length);
    out
}

/// Appends one entry. Its content stays below 128 octets, so every length is one octet.
pub(super) fn push_entry(out: &mut Vec<u8>, serial: &[u8], date: &[u8], reason: RevocationReason) {
    let reason = match reason {
        RevocationReason::Unspecified => None, // "SHOULD be absent" (RFC 5280 §5.3.1)
        RevocationReason::KeyCompromise
        | RevocationReason::CaCompromise
        | RevocationReason::AffiliationChanged
        | RevocationReason::Superseded
        | RevocationReason::CessationOfOperation
        | RevocationReason::CertificateHold
        | RevocationReason::RemoveFromCrl
        | RevocationReason::PrivilegeWithdrawn
        | RevocationReason::AaCompromise => Some(reason.code()),
    };
    let reason_bytes = reason.map_or(0, |_| REASON_EXTENSION.len() + 1);
    push_header(
        out,
        tlv::SEQUENCE,
        2 + serial_bytes(serial) + date.len() + reason_bytes,
    );
    push_unsigned(out, serial);
    out.extend_from_slice(date);
    if let Some(code) = reason {
        out.extend_from_slice(REASON_EXTENSION);
        out.push(code);
    }
}

fn serial_bytes(serial: &[u8]) -> usize {
    serial.len() + usize::from(serial.first().is_none_or(|first| first & 0x80 != 0))
}

/// crlEntryExtensions with a reasonCode alone, all but the code itself.
const REASON_EXTENSION: &[u8] = b"\x30\x0c\x30\x0a\x06\x03\x55\x1d\x15\x04\x03\x0a\x01";
const OID_AUTHORITY_KEY_IDENTIFIER: &[u8] = b"\x06\x03\x55\x1d\x23";
const OID_CRL_NUMBER: &[u8] = b"\x06\x03\x55\x1d\x14";
