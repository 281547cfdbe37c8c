//! The productions of X.690 and RFC 5280 that requests and certificates share, on top of
//! [`crate::tlv`]; those that are read are in [`read`].
//!
//! By hand because writing then cannot fail, and because names that were taken from another
//! certificate must be copied byte for byte: a re-encoded Name breaks chains.

pub(crate) mod read;

use const_oid::ObjectIdentifier;

use crate::tlv::algorithm::algorithm_identifier;
use crate::tlv::{self, element, push_time, push_unsigned};
use crate::{SignatureAlgorithm, Timestamp};

/// Whether a certificate user must refuse what it does not know (RFC 5280 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Criticality {
    Critical,
    NonCritical,
}

/// Writes a SEQUENCE of parts that are already encoded.
pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(tlv::SEQUENCE, parts)
}

/// Writes a SET with one member; DER would have several sorted.
pub(crate) fn set_of_one(member: &[u8]) -> Vec<u8> {
    element(SET, &[member])
}

/// Writes `[number] EXPLICIT` (or a constructed IMPLICIT) around encoded parts.
pub(crate) fn constructed(number: u8, parts: &[&[u8]]) -> Vec<u8> {
    element(tlv::context(number), parts)
}

/// Writes `[number] IMPLICIT` of a primitive type.
pub(crate) fn primitive(number: u8, content: &[u8]) -> Vec<u8> {
    element(CONTEXT_PRIMITIVE | number, &[content])
}

/// Writes a BOOLEAN that is true; false is always a default and left out.
pub(crate) fn boolean_true() -> Vec<u8> {
    element(tlv::BOOLEAN, &[&[0xff]])
}

/// Writes an INTEGER from an unsigned big-endian number.
pub(crate) fn unsigned_integer(octets: &[u8]) -> Vec<u8> {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    let mut der = Vec::with_capacity(octets.len() + 6);
    push_unsigned(&mut der, octets.get(zeros..).unwrap_or_default());
    der
}

/// Writes an OCTET STRING.
pub(crate) fn octet_string(content: &[u8]) -> Vec<u8> {
    element(tlv::OCTET_STRING, &[content])
}

/// Writes a BIT STRING of whole octets.
pub(crate) fn bit_string(content: &[u8]) -> Vec<u8> {
    element(tlv::BIT_STRING, &[&[0], content])
}

/// Writes a named bit list; bit 0 is the top bit of the first octet (X.690 §11.2.2: no trailing
/// zero bits).
pub(crate) fn named_bits(first_octet: u8) -> Vec<u8> {
    if first_octet == 0 {
        return element(tlv::BIT_STRING, &[&[0]]);
    }
    let unused = first_octet.trailing_zeros() as u8;
    element(tlv::BIT_STRING, &[&[unused, first_octet]])
}

/// Writes NULL.
pub(crate) fn null() -> Vec<u8> {
    element(tlv::NULL, &[])
}

/// Writes an OBJECT IDENTIFIER.
pub(crate) fn oid(identifier: &ObjectIdentifier) -> Vec<u8> {
    element(tlv::OBJECT_IDENTIFIER, &[identifier.as_bytes()])
}

/// Writes a string type that is named by its tag.
pub(crate) fn string(tag: u8, text: &str) -> Vec<u8> {
    element(tag, &[text.as_bytes()])
}

/// Writes Time as certificates hold it.
pub(crate) fn time(moment: Timestamp) -> Vec<u8> {
    let mut der = Vec::with_capacity(tlv::MAX_TIME_BYTES);
    push_time(&mut der, moment);
    der
}

/// Writes an Extension around the encoded value.
pub(crate) fn extension(
    identifier: &ObjectIdentifier,
    criticality: Criticality,
    value: &[u8],
) -> Vec<u8> {
    let critical = match criticality {
        Criticality::Critical => boolean_true(),
        Criticality::NonCritical => Vec::new(),
    };
    sequence(&[&oid(identifier), &critical, &octet_string(value)])
}

/// Writes what certificates, CRLs, requests and OCSP answers share: content, algorithm, signature.
pub(crate) fn signed(
    to_be_signed: &[u8],
    algorithm: SignatureAlgorithm,
    signature: &[u8],
) -> Vec<u8> {
    sequence(&[
        to_be_signed,
        algorithm_identifier(algorithm),
        &bit_string(signature),
    ])
}

/// The tag of UTF8String.
pub(crate) const UTF8_STRING: u8 = 0x0c;
/// The tag of PrintableString.
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
/// The tag of SET and SET OF.
pub(crate) const SET: u8 = 0x31;
/// The tag of `[0]` around a primitive value; the number is added.
pub(crate) const CONTEXT_PRIMITIVE: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_integers_positive_and_minimal() {
        assert_eq!(unsigned_integer(&[]), [0x02, 0x01, 0x00]);
        assert_eq!(unsigned_integer(&[0, 0, 0x7f]), [0x02, 0x01, 0x7f]);
        assert_eq!(unsigned_integer(&[0x80]), [0x02, 0x02, 0x00, 0x80]);
    }

    #[test]
    fn drops_trailing_zero_bits_of_named_bits() {
        assert_eq!(named_bits(0b1000_0000), [0x03, 0x02, 0x07, 0x80]);
        assert_eq!(named_bits(0b0000_0110), [0x03, 0x02, 0x01, 0x06]);
    }
}
