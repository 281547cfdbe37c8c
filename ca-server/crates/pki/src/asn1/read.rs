//! Reading what requests and certificates share; everything that is not DER is refused.

use const_oid::ObjectIdentifier;

use crate::Serial;
use crate::tlv::{self, Cursor, NotDer};

/// The three parts of anything signed, in their original bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signed<'a> {
    /// What the signature covers, tag and length included.
    pub(crate) tbs_der: &'a [u8],
    /// AlgorithmIdentifier.
    pub(crate) algorithm_der: &'a [u8],
    /// Content of the BIT STRING.
    pub(crate) signature: &'a [u8],
}

/// One extension: what it is, whether it is critical, its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extension<'a> {
    /// What it is.
    pub(crate) oid: ObjectIdentifier,
    /// Whether it is critical.
    pub(crate) critical: bool,
    /// The encoded value.
    pub(crate) value: &'a [u8],
}

/// Splits content, algorithm and signature (RFC 5280 §4.1, RFC 2986 §4.2).
pub(crate) fn signed(der: &[u8]) -> Result<Signed<'_>, NotDer> {
    let mut parts = Cursor::only(der, tlv::SEQUENCE)?.inside();
    let signed = Signed {
        tbs_der: parts.read(tlv::SEQUENCE)?.der,
        algorithm_der: parts.read(tlv::SEQUENCE)?.der,
        signature: parts.read(tlv::BIT_STRING)?.whole_octets()?,
    };
    parts.finish()?;
    Ok(signed)
}

/// Reads a serial number: an INTEGER, minimal, positive, at most 20 octets.
pub(crate) fn serial(parts: &mut Cursor<'_>) -> Result<Serial, NotDer> {
    let octets = parts.read(tlv::INTEGER)?.integer()?;
    if octets.first().is_some_and(|first| *first >= 0x80) {
        return Err(NotDer);
    }
    Serial::from_be_bytes(octets).map_err(|_| NotDer)
}

/// Reads an INTEGER that must be exactly `expected`, as versions are.
pub(crate) fn version(parts: &mut Cursor<'_>, expected: u8) -> Result<(), NotDer> {
    let octets = parts.read(tlv::INTEGER)?.integer()?;
    if octets == [expected] {
        Ok(())
    } else {
        Err(NotDer)
    }
}

/// Reads an OBJECT IDENTIFIER.
pub(crate) fn oid(parts: &mut Cursor<'_>) -> Result<ObjectIdentifier, NotDer> {
    let octets = parts.read(tlv::OBJECT_IDENTIFIER)?.value;
    ObjectIdentifier::from_bytes(octets).map_err(|_| NotDer)
}

/// Reads `[number] EXPLICIT` if it comes next, and returns what is inside.
pub(crate) fn explicit<'a>(
    parts: &mut Cursor<'a>,
    number: u8,
) -> Result<Option<Cursor<'a>>, NotDer> {
    Ok(parts
        .optional(tlv::context(number))?
        .map(|field| field.inside()))
}

/// Reads Extensions: at least one, each at most once (RFC 5280 §4.2).
///
/// An explicit `critical FALSE` is let pass although DER leaves defaults out: requests and old
/// roots have it.
pub(crate) fn extensions<'a>(parts: &mut Cursor<'a>) -> Result<Vec<Extension<'a>>, NotDer> {
    let mut list = parts.read(tlv::SEQUENCE)?.inside();
    let mut found: Vec<Extension<'a>> = Vec::new();
    while !list.is_empty() {
        let extension = extension(list.read(tlv::SEQUENCE)?.inside())?;
        if found.iter().any(|earlier| earlier.oid == extension.oid) || found.len() == MAX {
            return Err(NotDer);
        }
        found.push(extension);
    }
    if found.is_empty() {
        Err(NotDer)
    } else {
        Ok(found)
    }
}

fn extension(mut parts: Cursor<'_>) -> Result<Extension<'_>, NotDer> {
    let extension = Extension {
        oid: oid(&mut parts)?,
        critical: critical(&mut parts)?,
        value: parts.read(tlv::OCTET_STRING)?.value,
    };
    parts.finish()?;
    Ok(extension)
}

fn critical(parts: &mut Cursor<'_>) -> Result<bool, NotDer> {
    match parts.optional(tlv::BOOLEAN)?.map(|boolean| boolean.value) {
        None | Some([0x00]) => Ok(false),
        Some([0xff]) => Ok(true),
        Some(_) => Err(NotDer),
    }
}

/// More extensions than any certificate has; bounds the search for duplicates.
const MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SignatureAlgorithm, asn1};

    #[test]
    fn refuses_trailing_bytes_everywhere() {
        let tbs = asn1::sequence(&[]);
        let good = asn1::signed(&tbs, SignatureAlgorithm::Ed25519, &[1]);
        let after = [good.as_slice(), &[0]].concat();
        let algorithm = tlv::algorithm::algorithm_identifier(SignatureAlgorithm::Ed25519);
        let inside = asn1::sequence(&[&tbs, algorithm, &asn1::bit_string(&[1]), &asn1::null()]);

        assert_eq!(signed(&good).map(|it| it.signature), Ok(&[1][..]));
        assert!(signed(&after).is_err());
        assert!(signed(&inside).is_err());
    }

    #[test]
    fn refuses_serials_that_are_negative_padded_or_long() {
        let read = |content: &[u8]| serial(&mut Cursor::new(&tlv::element(0x02, &[content])));

        assert!(read(&[0x01]).is_ok());
        assert!(read(&[0x00, 0x80]).is_ok());
        assert!(read(&[0x80]).is_err());
        assert!(read(&[0x00, 0x01]).is_err());
        assert!(read(&[0x00]).is_err());
        assert!(read(&[0x01; 21]).is_err());
    }

    #[test]
    fn refuses_an_extension_that_comes_twice() {
        let one = asn1::extension(
            &const_oid::db::rfc5280::ID_CE_KEY_USAGE,
            asn1::Criticality::Critical,
            &[0x05, 0x00],
        );
        let count = |list: &[&[u8]]| {
            extensions(&mut Cursor::new(&asn1::sequence(list))).map(|found| found.len())
        };

        assert_eq!(count(&[&one]), Ok(1));
        assert_eq!(count(&[&one, &one]), Err(NotDer));
        assert_eq!(count(&[]), Err(NotDer));
    }
}
