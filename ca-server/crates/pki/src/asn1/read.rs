//! Reading DER by hand where the bytes themselves matter; everything is refused that is not DER.

use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier};
use der::{Decode, Reader, SliceReader, Tag, Tagged};
use x509_cert::time::Time;

use super::algorithm_identifier;
use crate::{Serial, SignatureAlgorithm, Timestamp};

/// Input that is not what it claims to be. Where it went wrong helps an attacker only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotDer;

impl From<der::Error> for NotDer {
    fn from(_: der::Error) -> Self {
        Self
    }
}

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

/// Decodes the whole of `der` with `body`; nothing may follow.
pub(crate) fn whole<'a, T>(
    der: &'a [u8],
    body: impl FnOnce(&mut SliceReader<'a>) -> Result<T, NotDer>,
) -> Result<T, NotDer> {
    let mut reader = SliceReader::new(der)?;
    let value = body(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

/// Splits content, algorithm and signature (RFC 5280 §4.1, RFC 2986 §4.2).
pub(crate) fn signed(der: &[u8]) -> Result<Signed<'_>, NotDer> {
    whole(der, |reader| {
        reader.sequence(|parts| {
            Ok(Signed {
                tbs_der: parts.tlv_bytes()?,
                algorithm_der: parts.tlv_bytes()?,
                signature: bit_string(parts)?,
            })
        })
    })
}

/// Finds the algorithm that an AlgorithmIdentifier names. RSA's NULL parameters may be absent
/// (RFC 4055 §5); all others must be as this room writes them.
pub(crate) fn signature_algorithm(der: &[u8]) -> Option<SignatureAlgorithm> {
    let known = SignatureAlgorithm::ALL
        .into_iter()
        .find(|it| algorithm_identifier(*it) == der);
    known.or_else(|| {
        RSA.into_iter()
            .find(|it| super::sequence(&[&super::oid(&super::algorithm_oid(*it))]) == der)
    })
}

/// Reads a BIT STRING of whole octets.
pub(crate) fn bit_string<'a>(reader: &mut SliceReader<'a>) -> Result<&'a [u8], NotDer> {
    BitStringRef::decode(reader)?.as_bytes().ok_or(NotDer)
}

/// Reads a serial number: an INTEGER, minimal, positive, at most 20 octets.
pub(crate) fn serial(reader: &mut SliceReader<'_>) -> Result<Serial, NotDer> {
    let integer = AnyRef::decode(reader)?;
    let octets = integer.value();
    if integer.tag() != Tag::Integer || !is_minimal_and_not_negative(octets) {
        return Err(NotDer);
    }
    Serial::from_be_bytes(octets).map_err(|_| NotDer)
}

/// Reads Time; fractions of a second do not decode.
pub(crate) fn time(reader: &mut SliceReader<'_>) -> Result<Timestamp, NotDer> {
    let secs = Time::decode(reader)?.to_unix_duration().as_secs();
    i64::try_from(secs)
        .map(Timestamp::from_unix_secs)
        .map_err(|_| NotDer)
}

/// Reads `[number] EXPLICIT` if it comes next.
pub(crate) fn explicit<'a, T>(
    reader: &mut SliceReader<'a>,
    number: u8,
    body: impl FnOnce(&mut SliceReader<'a>) -> Result<T, NotDer>,
) -> Result<Option<T>, NotDer> {
    if reader.peek_byte() != Some(super::CONTEXT_CONSTRUCTED | number) {
        return Ok(None);
    }
    let field = AnyRef::decode(reader)?;
    whole(field.value(), body).map(Some)
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

/// Reads Extensions: at least one, each at most once (RFC 5280 §4.2).
///
/// An explicit `critical FALSE` is let pass although DER leaves defaults out: requests and old
/// roots have it.
pub(crate) fn extensions<'a>(reader: &mut SliceReader<'a>) -> Result<Vec<Extension<'a>>, NotDer> {
    reader.sequence(|list| {
        let mut found: Vec<Extension<'a>> = Vec::new();
        while !list.is_finished() {
            let extension = list.sequence(extension)?;
            if found.iter().any(|earlier| earlier.oid == extension.oid) {
                return Err(NotDer);
            }
            found.push(extension);
        }
        if found.is_empty() {
            Err(NotDer)
        } else {
            Ok(found)
        }
    })
}

fn extension<'a>(parts: &mut SliceReader<'a>) -> Result<Extension<'a>, NotDer> {
    Ok(Extension {
        oid: parts.decode()?,
        critical: Option::<bool>::decode(parts)?.unwrap_or_default(),
        value: octets(parts)?,
    })
}

/// Reads an OCTET STRING.
pub(crate) fn octets<'a>(reader: &mut SliceReader<'a>) -> Result<&'a [u8], NotDer> {
    let string = AnyRef::decode(reader)?;
    if string.tag() == Tag::OctetString {
        Ok(string.value())
    } else {
        Err(NotDer)
    }
}

/// Reads an INTEGER that must be exactly `expected`, as versions are.
pub(crate) fn version(reader: &mut SliceReader<'_>, expected: u8) -> Result<(), NotDer> {
    if u8::decode(reader)? == expected {
        Ok(())
    } else {
        Err(NotDer)
    }
}

fn is_minimal_and_not_negative(octets: &[u8]) -> bool {
    match octets {
        [] => false,
        [only] => *only < 0x80,
        [0, second, ..] => *second >= 0x80,
        [first, ..] => *first < 0x80,
    }
}

const RSA: [SignatureAlgorithm; 3] = [
    SignatureAlgorithm::RsaSha256,
    SignatureAlgorithm::RsaSha384,
    SignatureAlgorithm::RsaSha512,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1;

    #[test]
    fn reads_every_algorithm_that_is_written() {
        for algorithm in SignatureAlgorithm::ALL {
            assert_eq!(
                signature_algorithm(&algorithm_identifier(algorithm)),
                Some(algorithm)
            );
        }
    }

    #[test]
    fn refuses_trailing_bytes_everywhere() {
        let tbs = asn1::sequence(&[]);
        let good = asn1::signed(&tbs, SignatureAlgorithm::Ed25519, &[1]);
        let mut after = good.clone();
        after.push(0);
        let inside = asn1::sequence(&[
            &tbs,
            &algorithm_identifier(SignatureAlgorithm::Ed25519),
            &asn1::bit_string(&[1]),
            &asn1::null(),
        ]);

        assert_eq!(signed(&good).map(|it| it.signature), Ok(&[1][..]));
        assert!(signed(&after).is_err());
        assert!(signed(&inside).is_err());
    }

    #[test]
    fn refuses_serials_that_are_negative_padded_or_long() {
        let read = |content: &[u8]| whole(&asn1::tlv(0x02, content), serial);

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

        assert_eq!(
            whole(&asn1::sequence(&[&one]), extensions).map(|it| it.len()),
            Ok(1)
        );
        assert!(whole(&asn1::sequence(&[&one, &one]), extensions).is_err());
    }
}
