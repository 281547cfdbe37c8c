//! Account keys of every kind, and of kinds that must be refused.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A kind of key, named for the algorithm that it signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// P-256.
    Es256,
    /// P-384.
    Es384,
    /// P-521.
    Es512,
    /// RSA of 2048 bits.
    Rs256,
    /// Ed25519.
    EdDsa,
}

/// A key pair or, as external accounts have it, a secret.
#[derive(Debug)]
pub enum AccountKey {
    /// An elliptic curve.
    Ec(KeyKind, EcdsaKeyPair),
    /// RSA.
    Rsa(Box<RsaKeyPair>),
    /// Ed25519.
    Ed25519(Ed25519KeyPair),
    /// HMAC with SHA-256.
    Secret(Vec<u8>),
}

impl AccountKey {
    /// Makes a key.
    pub fn generate(kind: KeyKind) -> Self {
        let ec = |algorithm: &'static EcdsaSigningAlgorithm| {
            Self::Ec(kind, EcdsaKeyPair::generate(algorithm).expect("a key"))
        };
        match kind {
            KeyKind::Es256 => ec(&ECDSA_P256_SHA256_FIXED_SIGNING),
            KeyKind::Es384 => ec(&ECDSA_P384_SHA384_FIXED_SIGNING),
            KeyKind::Es512 => ec(&ECDSA_P521_SHA512_FIXED_SIGNING),
            KeyKind::Rs256 => Self::Rsa(Box::new(
                RsaKeyPair::generate(KeySize::Rsa2048).expect("a key"),
            )),
            KeyKind::EdDsa => Self::Ed25519(Ed25519KeyPair::generate().expect("a key")),
        }
    }

    /// Reads a P-256 key in PKCS#8, to sign with a certificate's key.
    pub fn from_pkcs8(der: &[u8]) -> Self {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der);
        Self::Ec(KeyKind::Es256, pair.expect("a P-256 key"))
    }

    /// Returns the JWS algorithm.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Ec(KeyKind::Es384, _) => "ES384",
            Self::Ec(KeyKind::Es512, _) => "ES512",
            Self::Ec(KeyKind::Es256 | KeyKind::Rs256 | KeyKind::EdDsa, _) => "ES256",
            Self::Rsa(_) => "RS256",
            Self::Ed25519(_) => "EdDSA",
            Self::Secret(_) => "HS256",
        }
    }

    /// Returns the public key (RFC 7517), members in the order of RFC 7638.
    pub fn jwk(&self) -> Value {
        match self {
            Self::Ec(_, pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = point[1..].split_at((point.len() - 1) / 2);
                let curve = match x.len() {
                    32 => "P-256",
                    48 => "P-384",
                    _ => "P-521",
                };
                json!({ "crv": curve, "kty": "EC", "x": base64url(x), "y": base64url(y) })
            }
            Self::Rsa(pair) => {
                let public = pair.public_key();
                let exponent = public.exponent().big_endian_without_leading_zero();
                let modulus = public.modulus().big_endian_without_leading_zero();
                json!({ "e": base64url(exponent), "kty": "RSA", "n": base64url(modulus) })
            }
            Self::Ed25519(pair) => {
                let public = base64url(pair.public_key().as_ref());
                json!({ "crv": "Ed25519", "kty": "OKP", "x": public })
            }
            Self::Secret(secret) => json!({ "k": base64url(secret), "kty": "oct" }),
        }
    }

    /// Returns the thumbprint (RFC 7638).
    pub fn thumbprint(&self) -> String {
        let text = self.jwk().to_string();
        base64url(digest(&SHA256, text.as_bytes()).as_ref())
    }

    /// Signs as JWS does.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Ec(_, pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .unwrap();
                signature
            }
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Secret(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                hmac::sign(&key, message).as_ref().to_vec()
            }
        }
    }

    /// Returns a flattened JWS.
    pub fn jws(&self, protected: &Value, payload: &[u8]) -> Value {
        let protected = base64url(protected.to_string().as_bytes());
        let payload = base64url(payload);
        let signature = self.sign(format!("{protected}.{payload}").as_bytes());
        json!({
            "protected": protected,
            "payload": payload,
            "signature": base64url(&signature),
        })
    }
}

/// Encodes without padding, as JOSE does.
pub fn base64url(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}
