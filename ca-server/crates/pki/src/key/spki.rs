//! SubjectPublicKeyInfo: taken apart, judged, and built from the parts that JWKs hold.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA512_ASN1,
    EcdsaVerificationAlgorithm, ParsedPublicKey,
};
use const_oid::db::{rfc5912, rfc8410};
use der::Decode;
use der::asn1::AnyRef;
use num_bigint::BigUint;
use spki::SubjectPublicKeyInfoRef;

use super::{KeyAlgorithm, PublicKeyError, weak};
use crate::asn1;
use crate::tlv::{self, Cursor, NotDer, Tlv};

/// Returns the kind of key and the content of its BIT STRING, if the key may be used.
pub(super) fn judge(unverified_der: &[u8]) -> Result<(KeyAlgorithm, &[u8]), PublicKeyError> {
    if unverified_der.len() > MAX_BYTES {
        return Err(PublicKeyError::Malformed);
    }
    let info = SubjectPublicKeyInfoRef::from_der(unverified_der).map_err(malformed)?;
    let key_bits = info
        .subject_public_key
        .as_bytes()
        .ok_or(PublicKeyError::Malformed)?;
    let parameters = info.algorithm.parameters;
    let algorithm = match info.algorithm.oid {
        rfc5912::ID_EC_PUBLIC_KEY => judge_ec(parameters, key_bits)?,
        rfc8410::ID_ED_25519 => judge_ed25519(parameters, key_bits)?,
        rfc5912::RSA_ENCRYPTION => judge_rsa(parameters, key_bits)?,
        _ => return Err(PublicKeyError::Unsupported),
    };
    Ok((algorithm, key_bits))
}

/// Builds the SubjectPublicKeyInfo of an EC key (RFC 5480).
pub(super) fn of_ec_point(curve: KeyAlgorithm, point: &[u8]) -> Result<Vec<u8>, PublicKeyError> {
    let name = match curve {
        KeyAlgorithm::EcP256 => rfc5912::SECP_256_R_1,
        KeyAlgorithm::EcP384 => rfc5912::SECP_384_R_1,
        KeyAlgorithm::EcP521 => rfc5912::SECP_521_R_1,
        KeyAlgorithm::Ed25519 | KeyAlgorithm::Rsa { .. } => {
            return Err(PublicKeyError::Unsupported);
        }
    };
    let algorithm = asn1::sequence(&[&asn1::oid(&rfc5912::ID_EC_PUBLIC_KEY), &asn1::oid(&name)]);
    Ok(asn1::sequence(&[&algorithm, &asn1::bit_string(point)]))
}

/// Builds the SubjectPublicKeyInfo of an RSA key (RFC 3279 §2.3.1).
pub(super) fn of_rsa_components(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = asn1::sequence(&[
        &asn1::unsigned_integer(modulus),
        &asn1::unsigned_integer(exponent),
    ]);
    let algorithm = asn1::sequence(&[&asn1::oid(&rfc5912::RSA_ENCRYPTION), &asn1::null()]);
    asn1::sequence(&[&algorithm, &asn1::bit_string(&key)])
}

/// Builds the SubjectPublicKeyInfo of an Ed25519 key (RFC 8410 §4).
pub(super) fn of_ed25519_bytes(key: &[u8]) -> Vec<u8> {
    let algorithm = asn1::sequence(&[&asn1::oid(&rfc8410::ID_ED_25519)]);
    asn1::sequence(&[&algorithm, &asn1::bit_string(key)])
}

fn judge_ec(parameters: Option<AnyRef<'_>>, point: &[u8]) -> Result<KeyAlgorithm, PublicKeyError> {
    let parameters = parameters.ok_or(PublicKeyError::Malformed)?;
    // Explicit curve parameters are a way to smuggle in a weak curve (CVE-2020-0601).
    let curve = parameters
        .decode_as::<const_oid::ObjectIdentifier>()
        .map_err(|_| PublicKeyError::Unsupported)?;
    let (algorithm, verifier, point_length): (_, &'static EcdsaVerificationAlgorithm, _) =
        match curve {
            rfc5912::SECP_256_R_1 => (KeyAlgorithm::EcP256, &ECDSA_P256_SHA256_ASN1, 65),
            rfc5912::SECP_384_R_1 => (KeyAlgorithm::EcP384, &ECDSA_P384_SHA384_ASN1, 97),
            rfc5912::SECP_521_R_1 => (KeyAlgorithm::EcP521, &ECDSA_P521_SHA512_ASN1, 133),
            _ => return Err(PublicKeyError::Unsupported),
        };
    if point.len() != point_length || point.first() != Some(&UNCOMPRESSED) {
        return Err(PublicKeyError::OffCurve);
    }
    ParsedPublicKey::new(verifier, point).map_err(|_| PublicKeyError::OffCurve)?;
    Ok(algorithm)
}

fn judge_ed25519(
    parameters: Option<AnyRef<'_>>,
    key: &[u8],
) -> Result<KeyAlgorithm, PublicKeyError> {
    if parameters.is_some() || key.len() != 32 {
        return Err(PublicKeyError::Malformed);
    }
    ParsedPublicKey::new(&aws_lc_rs::signature::ED25519, key)
        .map_err(|_| PublicKeyError::OffCurve)?;
    if weak::has_small_order(key) {
        return Err(PublicKeyError::Weak("an Ed25519 point of small order"));
    }
    Ok(KeyAlgorithm::Ed25519)
}

fn judge_rsa(parameters: Option<AnyRef<'_>>, key: &[u8]) -> Result<KeyAlgorithm, PublicKeyError> {
    if !parameters.is_some_and(AnyRef::is_null) {
        return Err(PublicKeyError::Malformed);
    }
    let (modulus, exponent) = rsa_components(key).map_err(|_| PublicKeyError::Malformed)?;
    weak::refuse_rsa(&modulus, &exponent)?;
    let bits = u32::try_from(modulus.bits()).map_err(|_| PublicKeyError::Malformed)?;
    Ok(KeyAlgorithm::Rsa { bits })
}

/// Reads RSAPublicKey (RFC 8017 §A.1.1).
fn rsa_components(key: &[u8]) -> Result<(BigUint, BigUint), NotDer> {
    let mut parts = Cursor::only(key, tlv::SEQUENCE)?.inside();
    let modulus = positive(parts.read(tlv::INTEGER)?)?;
    let exponent = positive(parts.read(tlv::INTEGER)?)?;
    parts.finish()?;
    Ok((modulus, exponent))
}

fn positive(integer: Tlv<'_>) -> Result<BigUint, NotDer> {
    match integer.integer()? {
        [0x80..=0xff, ..] => Err(NotDer),
        octets => Ok(BigUint::from_bytes_be(octets)),
    }
}

fn malformed(_: der::Error) -> PublicKeyError {
    PublicKeyError::Malformed
}

/// Room for RSA with 8192 bits and a long exponent; refuses larger input before any arithmetic.
const MAX_BYTES: usize = 2_048;
const UNCOMPRESSED: u8 = 0x04;
