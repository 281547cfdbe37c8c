//! DER (X.690): the productions that this room writes, and in [`read`] those it reads by hand.
//!
//! Writing is done by hand because it then cannot fail, and because names that were taken from
//! another certificate must be copied byte for byte: a re-encoded Name breaks chains.

pub(crate) mod read;

use const_oid::ObjectIdentifier;
use time::OffsetDateTime;

use crate::{SignatureAlgorithm, Timestamp};

/// Whether a certificate user must refuse what it does not know (RFC 5280 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Criticality {
    Critical,
    NonCritical,
}

/// Writes tag, length and content.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut der = Vec::with_capacity(content.len() + 6);
    der.push(tag);
    push_length(&mut der, content.len());
    der.extend_from_slice(content);
    der
}

/// Writes a SEQUENCE of parts that are already encoded.
pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(SEQUENCE, &parts.concat())
}

/// Writes a SET with one member; DER would have several sorted.
pub(crate) fn set_of_one(member: &[u8]) -> Vec<u8> {
    tlv(SET, member)
}

/// Writes `[number] EXPLICIT` (or a constructed IMPLICIT) around encoded parts.
pub(crate) fn constructed(number: u8, parts: &[&[u8]]) -> Vec<u8> {
    tlv(CONTEXT_CONSTRUCTED | number, &parts.concat())
}

/// Writes `[number] IMPLICIT` of a primitive type.
pub(crate) fn primitive(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(CONTEXT_PRIMITIVE | number, content)
}

/// Writes a BOOLEAN that is true; false is always a default and left out.
pub(crate) fn boolean_true() -> Vec<u8> {
    tlv(BOOLEAN, &[0xff])
}

/// Writes an INTEGER from an unsigned big-endian number.
pub(crate) fn unsigned_integer(octets: &[u8]) -> Vec<u8> {
    let start = octets
        .iter()
        .position(|octet| *octet != 0)
        .unwrap_or(octets.len());
    let significant = octets.get(start..).unwrap_or_default();
    let mut content = Vec::with_capacity(significant.len() + 1);
    if significant.first().is_none_or(|first| *first >= 0x80) {
        content.push(0);
    }
    content.extend_from_slice(significant);
    tlv(INTEGER, &content)
}

/// Writes an ENUMERATED below 128.
pub(crate) fn enumerated(code: u8) -> Vec<u8> {
    debug_assert!(code < 0x80);
    tlv(ENUMERATED, &[code])
}

/// Writes an OCTET STRING.
pub(crate) fn octet_string(content: &[u8]) -> Vec<u8> {
    tlv(OCTET_STRING, content)
}

/// Writes a BIT STRING of whole octets.
pub(crate) fn bit_string(content: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(content.len() + 1);
    octets.push(0);
    octets.extend_from_slice(content);
    tlv(BIT_STRING, &octets)
}

/// Writes a named bit list; bit 0 is the top bit of the first octet (X.690 §11.2.2: no trailing
/// zero bits).
pub(crate) fn named_bits(first_octet: u8) -> Vec<u8> {
    if first_octet == 0 {
        return tlv(BIT_STRING, &[0]);
    }
    let unused = first_octet.trailing_zeros() as u8;
    tlv(BIT_STRING, &[unused, first_octet])
}

/// Writes NULL.
pub(crate) fn null() -> Vec<u8> {
    tlv(NULL, &[])
}

/// Writes an OBJECT IDENTIFIER.
pub(crate) fn oid(identifier: &ObjectIdentifier) -> Vec<u8> {
    tlv(OBJECT_IDENTIFIER, identifier.as_bytes())
}

/// Writes a string type that is named by its tag.
pub(crate) fn string(tag: u8, text: &str) -> Vec<u8> {
    tlv(tag, text.as_bytes())
}

/// Writes Time: UTCTime through 2049, GeneralizedTime after (RFC 5280 §4.1.2.5).
///
/// Moments outside 1970 to 9999 are written as the nearest that can be.
pub(crate) fn time(moment: Timestamp) -> Vec<u8> {
    if moment > LAST_UTC_TIME {
        return generalized_time(moment);
    }
    let text = digits_of(moment);
    tlv(UTC_TIME, text.get(2..).unwrap_or_default().as_bytes())
}

/// Writes GeneralizedTime in whole seconds, as OCSP has it.
pub(crate) fn generalized_time(moment: Timestamp) -> Vec<u8> {
    tlv(GENERALIZED_TIME, digits_of(moment).as_bytes())
}

/// Writes the AlgorithmIdentifier of a signature (RFC 5758, RFC 8410, RFC 4055).
pub(crate) fn algorithm_identifier(algorithm: SignatureAlgorithm) -> Vec<u8> {
    let identifier = oid(&algorithm_oid(algorithm));
    match algorithm {
        SignatureAlgorithm::RsaSha256
        | SignatureAlgorithm::RsaSha384
        | SignatureAlgorithm::RsaSha512 => sequence(&[&identifier, &null()]),
        SignatureAlgorithm::EcdsaSha256
        | SignatureAlgorithm::EcdsaSha384
        | SignatureAlgorithm::EcdsaSha512
        | SignatureAlgorithm::Ed25519 => sequence(&[&identifier]),
    }
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
        &algorithm_identifier(algorithm),
        &bit_string(signature),
    ])
}

/// Returns the object identifier that names `algorithm`.
pub(crate) fn algorithm_oid(algorithm: SignatureAlgorithm) -> ObjectIdentifier {
    use const_oid::db::{rfc5912, rfc8410};
    match algorithm {
        SignatureAlgorithm::EcdsaSha256 => rfc5912::ECDSA_WITH_SHA_256,
        SignatureAlgorithm::EcdsaSha384 => rfc5912::ECDSA_WITH_SHA_384,
        SignatureAlgorithm::EcdsaSha512 => rfc5912::ECDSA_WITH_SHA_512,
        SignatureAlgorithm::Ed25519 => rfc8410::ID_ED_25519,
        SignatureAlgorithm::RsaSha256 => rfc5912::SHA_256_WITH_RSA_ENCRYPTION,
        SignatureAlgorithm::RsaSha384 => rfc5912::SHA_384_WITH_RSA_ENCRYPTION,
        SignatureAlgorithm::RsaSha512 => rfc5912::SHA_512_WITH_RSA_ENCRYPTION,
    }
}

fn push_length(der: &mut Vec<u8>, length: usize) {
    if length < 0x80 {
        der.push(length as u8);
        return;
    }
    let octets = length.to_be_bytes();
    let start = octets
        .iter()
        .position(|octet| *octet != 0)
        .unwrap_or_default();
    let significant = octets.get(start..).unwrap_or_default();
    der.push(0x80 | significant.len() as u8);
    der.extend_from_slice(significant);
}

/// Returns `YYYYMMDDHHMMSSZ`.
fn digits_of(moment: Timestamp) -> String {
    let secs = moment
        .unix_secs()
        .clamp(0, LAST_GENERALIZED_TIME.unix_secs());
    let utc = OffsetDateTime::from_unix_timestamp(secs).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}Z",
        utc.year(),
        u8::from(utc.month()),
        utc.day(),
        utc.hour(),
        utc.minute(),
        utc.second()
    )
}

/// 9999-12-31T23:59:59Z, also "no well-defined expiration date" (RFC 5280 §4.1.2.5).
pub(crate) const LAST_GENERALIZED_TIME: Timestamp = Timestamp::from_unix_secs(253_402_300_799);
/// 2049-12-31T23:59:59Z.
const LAST_UTC_TIME: Timestamp = Timestamp::from_unix_secs(2_524_607_999);

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const NULL: u8 = 0x05;
const OBJECT_IDENTIFIER: u8 = 0x06;
const ENUMERATED: u8 = 0x0a;
/// The tag of UTF8String.
pub(crate) const UTF8_STRING: u8 = 0x0c;
/// The tag of PrintableString.
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const CONTEXT_PRIMITIVE: u8 = 0x80;
const CONTEXT_CONSTRUCTED: u8 = 0xa0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_lengths_in_the_fewest_octets() {
        assert_eq!(tlv(0x04, &[0; 127])[..2], [0x04, 0x7f]);
        assert_eq!(tlv(0x04, &[0; 128])[..3], [0x04, 0x81, 0x80]);
        assert_eq!(tlv(0x04, &[0; 256])[..4], [0x04, 0x82, 0x01, 0x00]);
    }

    #[test]
    fn keeps_integers_positive_and_minimal() {
        assert_eq!(unsigned_integer(&[]), [0x02, 0x01, 0x00]);
        assert_eq!(unsigned_integer(&[0, 0, 0x7f]), [0x02, 0x01, 0x7f]);
        assert_eq!(unsigned_integer(&[0x80]), [0x02, 0x02, 0x00, 0x80]);
    }

    #[test]
    fn changes_to_generalized_time_in_2050() {
        let last = LAST_UTC_TIME.unix_secs();

        assert_eq!(
            time(Timestamp::from_unix_secs(last))[2..],
            *b"491231235959Z"
        );
        assert_eq!(
            time(Timestamp::from_unix_secs(last + 1))[2..],
            *b"20500101000000Z"
        );
        assert_eq!(
            time(Timestamp::from_unix_secs(i64::MAX))[2..],
            *b"99991231235959Z"
        );
    }

    #[test]
    fn drops_trailing_zero_bits_of_named_bits() {
        assert_eq!(named_bits(0b1000_0000), [0x03, 0x02, 0x07, 0x80]);
        assert_eq!(named_bits(0b0000_0110), [0x03, 0x02, 0x01, 0x06]);
    }
}
