//! Writing: entries straight into one buffer of the final size, then what stands around them.

use super::{CrlTemplate, RevocationReason, RevokedCertificate};
use crate::tlv::{self, algorithm, element, push_header, push_time, push_unsigned, time_bytes};
use crate::{Serial, SignatureAlgorithm};

/// Returns the TBSCertList (RFC 5280 §5.1.2).
pub(super) fn to_be_signed(template: &CrlTemplate, revoked: &[RevokedCertificate]) -> Vec<u8> {
    let head = head(template);
    let extensions = extensions(template);
    let entries_bytes: usize = revoked.iter().map(|entry| 2 + entry_bytes(entry)).sum();
    let list_header = match revoked {
        [] => Vec::new(), // "MUST be absent" (RFC 5280 §5.1.2.6)
        [_, ..] => header(tlv::SEQUENCE, entries_bytes),
    };
    let length = head.len() + list_header.len() + entries_bytes + extensions.len();

    let mut out = Vec::with_capacity(length + 10);
    push_header(&mut out, tlv::SEQUENCE, length);
    out.extend_from_slice(&head);
    out.extend_from_slice(&list_header);
    for entry in revoked {
        push_entry(&mut out, entry);
    }
    out.extend_from_slice(&extensions);
    out
}

/// Returns the CertificateList (RFC 5280 §5.1.1).
pub(super) fn assemble(tbs: &[u8], algorithm: SignatureAlgorithm, signature: &[u8]) -> Vec<u8> {
    let signature = element(tlv::BIT_STRING, &[&[0], signature]);
    element(
        tlv::SEQUENCE,
        &[tbs, algorithm::algorithm_identifier(algorithm), &signature],
    )
}

/// Version, algorithm, issuer and times.
fn head(template: &CrlTemplate) -> Vec<u8> {
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
fn push_entry(out: &mut Vec<u8>, entry: &RevokedCertificate) {
    push_header(out, tlv::SEQUENCE, entry_bytes(entry));
    push_unsigned(out, entry.serial.as_be_bytes());
    push_time(out, entry.revoked_at);
    if entry.reason != RevocationReason::Unspecified {
        out.extend_from_slice(REASON_EXTENSION);
        out.push(entry.reason.code());
    }
}

/// Returns the length of an entry's content.
fn entry_bytes(entry: &RevokedCertificate) -> usize {
    let reason = match entry.reason {
        RevocationReason::Unspecified => 0, // "SHOULD be absent" (RFC 5280 §5.3.1)
        RevocationReason::KeyCompromise
        | RevocationReason::CaCompromise
        | RevocationReason::AffiliationChanged
        | RevocationReason::Superseded
        | RevocationReason::CessationOfOperation
        | RevocationReason::CertificateHold
        | RevocationReason::RemoveFromCrl
        | RevocationReason::PrivilegeWithdrawn
        | RevocationReason::AaCompromise => REASON_EXTENSION.len() + 1,
    };
    2 + serial_bytes(&entry.serial) + time_bytes(entry.revoked_at) + reason
}

fn serial_bytes(serial: &Serial) -> usize {
    let octets = serial.as_be_bytes();
    octets.len() + usize::from(octets.first().is_some_and(|first| first & 0x80 != 0))
}

/// crlEntryExtensions with a reasonCode alone, all but the code itself.
const REASON_EXTENSION: &[u8] = b"\x30\x0c\x30\x0a\x06\x03\x55\x1d\x15\x04\x03\x0a\x01";
const OID_AUTHORITY_KEY_IDENTIFIER: &[u8] = b"\x06\x03\x55\x1d\x23";
const OID_CRL_NUMBER: &[u8] = b"\x06\x03\x55\x1d\x14";
