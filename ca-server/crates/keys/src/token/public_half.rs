//! The public half of a token key, put together from what tokens store of it.

use ca_pki::{Certificate, PublicKey};
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use der::asn1::{Any, BitString, ObjectIdentifier, OctetStringRef, UintRef};
use der::{Decode, Encode, Sequence};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::attribute::bytes;
use super::fault::fault;
use super::object::PrivateKey;
use crate::KeyError;
use crate::pool::Fault;

/// Reads the public half: from its own object, the private key's attributes or a certificate.
pub(super) fn read(session: &Session, key: &PrivateKey) -> Result<PublicKey, Fault> {
    let beside = session
        .find_objects(&key.wanted.template(ObjectClass::PUBLIC_KEY))
        .map_err(fault)?;
    for handle in beside.into_iter().chain([key.handle]) {
        if let Some(spki_der) = stored_spki(session, handle)? {
            return PublicKey::from_spki_der(&spki_der).map_err(|error| refused(error.to_string()));
        }
    }
    from_certificate(session, key)?.ok_or_else(|| {
        refused("the token holds no public key or certificate with the key's CKA_ID".into())
    })
}

fn stored_spki(session: &Session, handle: ObjectHandle) -> Result<Option<Vec<u8>>, Fault> {
    let attributes = session
        .get_attributes(
            handle,
            &[
                AttributeType::EcParams,
                AttributeType::EcPoint,
                AttributeType::Modulus,
                AttributeType::PublicExponent,
                AttributeType::PublicKeyInfo,
            ],
        )
        .map_err(fault)?;
    spki_from(&attributes).map_err(|error| refused(format!("its public half: {error}")))
}

fn from_certificate(session: &Session, key: &PrivateKey) -> Result<Option<PublicKey>, Fault> {
    let found = session
        .find_objects(&key.wanted.template(ObjectClass::CERTIFICATE))
        .map_err(fault)?;
    let Some(handle) = found.first() else {
        return Ok(None);
    };
    let attributes = session
        .get_attributes(*handle, &[AttributeType::Value])
        .map_err(fault)?;
    let Some(der) = bytes(&attributes, AttributeType::Value) else {
        return Ok(None);
    };
    Certificate::parse(der)
        .map(|certificate| Some(certificate.public_key().clone()))
        .map_err(|error| refused(format!("its certificate: {error}")))
}

/// Builds a SubjectPublicKeyInfo (RFC 5480 §2, RFC 8017 §A.1.1) from what is there.
fn spki_from(attributes: &[Attribute]) -> der::Result<Option<Vec<u8>>> {
    let value = |wanted| bytes(attributes, wanted);
    if let (Some(curve), Some(point)) = (
        value(AttributeType::EcParams),
        value(AttributeType::EcPoint),
    ) {
        return ec_spki(curve, point).map(Some);
    }
    if let (Some(modulus), Some(exponent)) = (
        value(AttributeType::Modulus),
        value(AttributeType::PublicExponent),
    ) {
        return rsa_spki(modulus, exponent).map(Some);
    }
    Ok(value(AttributeType::PublicKeyInfo).map(<[u8]>::to_vec))
}

fn ec_spki(curve_der: &[u8], point: &[u8]) -> der::Result<Vec<u8>> {
    // PKCS#11 wraps the point in an OCTET STRING; some modules give it bare.
    let point = <&OctetStringRef>::from_der(point).map_or(point, OctetStringRef::as_bytes);
    spki(EC_PUBLIC_KEY, Any::from_der(curve_der)?, point)
}

fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> der::Result<Vec<u8>> {
    let key = RsaPublicKey {
        modulus: UintRef::new(modulus)?,
        exponent: UintRef::new(exponent)?,
    };
    spki(RSA_ENCRYPTION, Any::null(), &key.to_der()?)
}

fn spki(oid: ObjectIdentifier, parameters: Any, key_bits: &[u8]) -> der::Result<Vec<u8>> {
    SubjectPublicKeyInfoOwned {
        algorithm: AlgorithmIdentifierOwned {
            oid,
            parameters: Some(parameters),
        },
        subject_public_key: BitString::from_bytes(key_bits)?,
    }
    .to_der()
}

fn refused(text: String) -> Fault {
    Fault::Broken(KeyError::Key(text))
}

/// RSAPublicKey (RFC 8017 §A.1.1).
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
