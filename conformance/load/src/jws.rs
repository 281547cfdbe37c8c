//! Account keys and the signatures they make (RFC 7515, RFC 7518, RFC 8037).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::error::Error;

/// Kinds of account keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum KeyKind {
    /// ES256
    P256,
    /// ES384
    P384,
    /// EdDSA
    Ed25519,
    /// RS256
    Rsa2048,
}

/// An account's key.
pub(crate) struct AccountKey {
    pair: Pair,
    jwk: Value,
    thumbprint: String,
    random: SystemRandom,
}

enum Pair {
    Ecdsa(EcdsaKeyPair, &'static str),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

/// Who signs: the key itself, or the account.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signer<'a> {
    /// newAccount.
    Key,
    /// Everything else: the account's URL.
    Account(&'a str),
}

impl AccountKey {
    /// Makes a key.
    pub(crate) fn generate(kind: KeyKind) -> Result<Self, Error> {
        let unspecified = |_| Error::Key("cannot make a key".to_owned());
        let (pair, jwk) = match kind {
            KeyKind::P256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
                    .map_err(unspecified)?;
                let jwk = elliptic("P-256", pair.public_key().as_ref());
                (Pair::Ecdsa(pair, "ES256"), jwk)
            }
            KeyKind::P384 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING)
                    .map_err(unspecified)?;
                let jwk = elliptic("P-384", pair.public_key().as_ref());
                (Pair::Ecdsa(pair, "ES384"), jwk)
            }
            KeyKind::Ed25519 => {
                let pair = Ed25519KeyPair::generate().map_err(unspecified)?;
                let x = encode(pair.public_key().as_ref());
                (
                    Pair::Ed25519(pair),
                    json!({"crv": "Ed25519", "kty": "OKP", "x": x}),
                )
            }
            KeyKind::Rsa2048 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(unspecified)?;
                let public = pair.public_key();
                let modulus = encode(public.modulus().big_endian_without_leading_zero());
                let exponent = encode(public.exponent().big_endian_without_leading_zero());
                let jwk = json!({"e": exponent, "kty": "RSA", "n": modulus});
                (Pair::Rsa(pair), jwk)
            }
        };
        // serde_json keeps members sorted: this is RFC 7638's form already.
        let thumbprint =
            encode(digest::digest(&digest::SHA256, jwk.to_string().as_bytes()).as_ref());
        Ok(Self {
            pair,
            jwk,
            thumbprint,
            random: SystemRandom::new(),
        })
    }

    /// Returns what a challenge is answered with (RFC 8555 §8.1).
    pub(crate) fn key_authorization(&self, token: &str) -> String {
        format!("{token}.{}", self.thumbprint)
    }

    /// Signs a request; an empty payload is a POST-as-GET.
    pub(crate) fn sign(
        &self,
        signer: Signer<'_>,
        nonce: &str,
        url: &str,
        payload: &str,
    ) -> Result<String, Error> {
        let mut header = json!({"alg": self.algorithm(), "nonce": nonce, "url": url});
        if let Some(members) = header.as_object_mut() {
            match signer {
                Signer::Key => members.insert("jwk".to_owned(), self.jwk.clone()),
                Signer::Account(kid) => members.insert("kid".to_owned(), json!(kid)),
            };
        }
        let (protected, payload) = (
            encode(header.to_string().as_bytes()),
            encode(payload.as_bytes()),
        );
        let signature = self.signature(format!("{protected}.{payload}").as_bytes())?;
        Ok(flattened(&protected, &payload, &signature))
    }

    /// Binds the key to an external account (RFC 8555 §7.3.4).
    pub(crate) fn bind(&self, kid: &str, mac_key: &[u8], url: &str) -> Value {
        let header = json!({"alg": "HS256", "kid": kid, "url": url});
        let protected = encode(header.to_string().as_bytes());
        let payload = encode(self.jwk.to_string().as_bytes());
        let key = hmac::Key::new(hmac::HMAC_SHA256, mac_key);
        let tag = hmac::sign(&key, format!("{protected}.{payload}").as_bytes());
        json!({"protected": protected, "payload": payload, "signature": encode(tag.as_ref())})
    }

    fn algorithm(&self) -> &'static str {
        match &self.pair {
            Pair::Ecdsa(_, algorithm) => algorithm,
            Pair::Ed25519(_) => "EdDSA",
            Pair::Rsa(_) => "RS256",
        }
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let failed = |_| Error::Key("cannot sign".to_owned());
        match &self.pair {
            Pair::Ecdsa(pair, _) => {
                let signature = pair.sign(&self.random, message).map_err(failed)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &self.random, message, &mut signature)
                    .map_err(failed)?;
                Ok(signature)
            }
        }
    }
}

/// Encodes as base64url without padding.
pub(crate) fn encode(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

fn flattened(protected: &str, payload: &str, signature: &[u8]) -> String {
    let signature = encode(signature);
    format!(r#"{{"protected":"{protected}","payload":"{payload}","signature":"{signature}"}}"#)
}

fn elliptic(curve: &str, point: &[u8]) -> Value {
    let coordinates = point.get(1..).unwrap_or_default();
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    json!({"crv": curve, "kty": "EC", "x": encode(x), "y": encode(y)})
}
