//! The key pairs of aws-lc-rs, told apart by their algorithm identifier.

use std::fmt;

use aws_lc_rs::digest::Digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use ca_pki::KeyAlgorithm;
use der::Decode;
use der::asn1::ObjectIdentifier;
use pkcs8::PrivateKeyInfoRef;
use zeroize::Zeroizing;

use crate::KeyError;

/// A key pair that this process can use.
pub(super) enum KeyPair {
    /// NIST P-256, P-384, P-521, with the digest of the same strength.
    Ecdsa(EcdsaKeyPair),
    /// Ed25519.
    Ed25519(Ed25519KeyPair),
    /// RSA, PKCS#1 v1.5 with SHA-256.
    Rsa(RsaKeyPair),
}

impl KeyPair {
    pub(super) fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        let ecdsa = |curve| EcdsaKeyPair::generate(curve).map(Self::Ecdsa);
        match algorithm {
            KeyAlgorithm::EcP256 => ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING),
            KeyAlgorithm::EcP384 => ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING),
            KeyAlgorithm::EcP521 => ecdsa(&ECDSA_P521_SHA512_ASN1_SIGNING),
            KeyAlgorithm::Ed25519 => Ed25519KeyPair::generate().map(Self::Ed25519),
            KeyAlgorithm::Rsa { bits } => RsaKeyPair::generate(key_size(bits)?).map(Self::Rsa),
        }
        .map_err(|Unspecified| KeyError::Device("no key could be made".into()))
    }

    pub(super) fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let info = PrivateKeyInfoRef::from_der(der)
            .map_err(|error| KeyError::Key(format!("it is not PKCS#8: {error}")))?;
        let pair = match info.algorithm.oid {
            EC_PUBLIC_KEY => EcdsaKeyPair::from_pkcs8(curve(&info)?, der).map(Self::Ecdsa),
            ED25519 => Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map(Self::Ed25519),
            RSA_ENCRYPTION => RsaKeyPair::from_pkcs8(der).map(Self::Rsa),
            other => return Err(KeyError::Key(format!("its algorithm {other} is not known"))),
        };
        pair.map_err(|error: KeyRejected| KeyError::Key(format!("it is refused: {error}")))
    }

    pub(super) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let copy = |der: &[u8]| Zeroizing::new(der.to_vec());
        let rsa = |pair: &RsaKeyPair| -> Result<Pkcs8V1Der<'static>, Unspecified> { pair.as_der() };
        match self {
            Self::Ecdsa(pair) => pair.to_pkcs8v1().map(|der| copy(der.as_ref())),
            Self::Ed25519(pair) => pair.to_pkcs8v1().map(|der| copy(der.as_ref())),
            Self::Rsa(pair) => rsa(pair).map(|der| copy(der.as_ref())),
        }
        .map_err(|Unspecified| KeyError::Device("the key could not be encoded".into()))
    }

    pub(super) fn spki_der(&self) -> Result<Vec<u8>, KeyError> {
        let spki: Result<PublicKeyX509Der<'static>, Unspecified> = match self {
            Self::Ecdsa(pair) => pair.public_key().as_der(),
            Self::Ed25519(pair) => pair.public_key().as_der(),
            Self::Rsa(pair) => pair.public_key().as_der(),
        };
        spki.map(|der| der.as_ref().to_vec())
            .map_err(|Unspecified| KeyError::Device("the public key could not be encoded".into()))
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        match self {
            Self::Ecdsa(pair) => pair
                .sign(&random, message)
                .map(|signature| signature.as_ref().to_vec()),
            Self::Ed25519(pair) => pair
                .try_sign(message)
                .map(|signature| signature.as_ref().to_vec()),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map(|()| signature)
            }
        }
        .map_err(no_signature)
    }

    /// Signs what was hashed with the pair's own digest, if that is how it signs.
    pub(super) fn sign_digest(&self, digest: &Digest) -> Option<Result<Vec<u8>, KeyError>> {
        match self {
            Self::Ecdsa(pair) => Some(
                pair.sign_digest(digest)
                    .map(|signature| signature.as_ref().to_vec())
                    .map_err(no_signature),
            ),
            // An RSA signature takes so long that copying the message is nothing beside it.
            Self::Ed25519(_) | Self::Rsa(_) => None,
        }
    }
}

fn no_signature(_: Unspecified) -> KeyError {
    KeyError::Device("the signature could not be made".into())
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ecdsa(_) => "Ecdsa",
            Self::Ed25519(_) => "Ed25519",
            Self::Rsa(_) => "Rsa",
        })
    }
}

fn key_size(bits: u32) -> Result<KeySize, KeyError> {
    match bits {
        2048 => Ok(KeySize::Rsa2048),
        3072 => Ok(KeySize::Rsa3072),
        4096 => Ok(KeySize::Rsa4096),
        8192 => Ok(KeySize::Rsa8192),
        _ => Err(KeyError::Key(format!(
            "RSA keys are made with 2048, 3072, 4096 or 8192 bits, not {bits}"
        ))),
    }
}

fn curve(info: &PrivateKeyInfoRef<'_>) -> Result<&'static EcdsaSigningAlgorithm, KeyError> {
    match info.algorithm.parameters_oid() {
        Ok(SECP256R1) => Ok(&ECDSA_P256_SHA256_ASN1_SIGNING),
        Ok(SECP384R1) => Ok(&ECDSA_P384_SHA384_ASN1_SIGNING),
        Ok(SECP521R1) => Ok(&ECDSA_P521_SHA512_ASN1_SIGNING),
        Ok(other) => Err(KeyError::Key(format!("its curve {other} is not known"))),
        Err(_) => Err(KeyError::Key("its curve is not named".into())),
    }
}

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const SECP521R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
