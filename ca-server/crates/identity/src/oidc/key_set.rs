//! Key sets of issuers (RFC 7517 §5): what can verify a token is kept, the rest is skipped.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_pki::{KeyAlgorithm, PublicKey};
use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::token::UnverifiedToken;
use crate::LoginFailure;
use crate::json::parse_object_strictly;

/// The public keys of an issuer.
pub struct KeySet {
    keys: Vec<Key>,
}

/// Why a text is not taken as a key set. What is wrong with one key only skips that key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetFault {
    /// Longer than any key set is.
    #[error("the key set is longer than {MAX_KEY_SET_BYTES} octets")]
    TooLarge,
    /// Not JSON, or not of the form that RFC 7517 §5 gives.
    #[error("the key set is not a JSON object with an array of keys that names each member once")]
    Malformed,
    /// More keys than any issuer needs.
    #[error("the key set has more than {MAX_KEYS} keys")]
    TooManyKeys,
}

struct Key {
    kid: Option<String>,
    /// The JWK's own `alg`: then the key is for nothing else.
    only: Option<Algorithm>,
    kind: KeyAlgorithm,
    decoding: DecodingKey,
}

impl KeySet {
    /// Parses JSON text. Keys of unknown types, weak ones and those for other ends are skipped.
    pub fn parse(unverified: &str) -> Result<Self, KeySetFault> {
        if unverified.len() > MAX_KEY_SET_BYTES {
            return Err(KeySetFault::TooLarge);
        }
        let set = parse_object_strictly(unverified.as_bytes()).ok_or(KeySetFault::Malformed)?;
        let Some(Value::Array(members)) = set.get("keys") else {
            return Err(KeySetFault::Malformed);
        };
        if members.len() > MAX_KEYS {
            return Err(KeySetFault::TooManyKeys);
        }
        let keys = members.iter().filter_map(Value::as_object).filter_map(key);
        Ok(Self {
            keys: keys.collect(),
        })
    }

    /// Returns the number of keys that can verify something.
    pub fn usable(&self) -> usize {
        self.keys.len()
    }

    /// Checks a token's signature, by an algorithm that the caller allows.
    pub(super) fn verify(
        &self,
        token: &UnverifiedToken<'_>,
        algorithm: Algorithm,
    ) -> Result<(), LoginFailure> {
        let named = self.named(token.kid.as_deref())?;
        let mut fitting = named
            .into_iter()
            .filter(|key| key.makes(algorithm))
            .peekable();
        if fitting.peek().is_none() {
            return Err(LoginFailure::AlgorithmMismatch);
        }
        // Equal `kid`s are for alternatives to each other (RFC 7517 §4.5).
        if fitting.any(|key| key.verifies(token, algorithm)) {
            return Ok(());
        }
        Err(LoginFailure::BadSignature)
    }

    /// Returns the keys of this `kid`; without one the only key.
    fn named(&self, kid: Option<&str>) -> Result<Vec<&Key>, LoginFailure> {
        let named: Vec<&Key> = match kid {
            Some(_) => {
                let keys = self.keys.iter();
                keys.filter(|key| key.kid.as_deref() == kid).collect()
            }
            None if self.keys.len() > 1 => return Err(LoginFailure::KeyNotNamed),
            None => self.keys.iter().collect(),
        };
        if named.is_empty() {
            return Err(LoginFailure::UnknownKey);
        }
        Ok(named)
    }
}

impl Key {
    fn makes(&self, algorithm: Algorithm) -> bool {
        algorithm.fits(self.kind) && self.only.is_none_or(|only| only == algorithm)
    }

    fn verifies(&self, token: &UnverifiedToken<'_>, algorithm: Algorithm) -> bool {
        let verified = jsonwebtoken::crypto::verify(
            token.signature,
            token.signing_input.as_bytes(),
            &self.decoding,
            algorithm.primitive(),
        );
        matches!(verified, Ok(true))
    }
}

/// Reads one JWK; `None` if it cannot verify a token's signature.
fn key(unverified: &Map<String, Value>) -> Option<Key> {
    let only = match unverified.get("alg") {
        Some(alg) => Some(Algorithm::parse(alg.as_str()?)?),
        None => None,
    };
    if !is_for_signatures(unverified) {
        return None;
    }
    let key = match text(unverified, "kty")? {
        "RSA" => rsa(unverified),
        "EC" => elliptic_curve(unverified),
        "OKP" => edwards_curve(unverified),
        _ => None,
    }?;
    let kid = match unverified.get("kid") {
        Some(kid) => Some(kid.as_str()?.to_owned()),
        None => None,
    };
    Some(Key {
        kid,
        only,
        kind: key.algorithm(),
        decoding: decoding(&key)?,
    })
}

/// RFC 7517 §4.2, §4.3: a key may say what it is for.
fn is_for_signatures(unverified: &Map<String, Value>) -> bool {
    let by_use = match unverified.get("use") {
        Some(purpose) => purpose.as_str() == Some("sig"),
        None => true,
    };
    let by_operations = match unverified.get("key_ops") {
        Some(operations) => operations
            .as_array()
            .is_some_and(|named| named.iter().any(|name| name.as_str() == Some("verify"))),
        None => true,
    };
    by_use && by_operations
}

/// RFC 7518 §6.3.1. Leading zero octets are wrong there and sent all the same.
fn rsa(unverified: &Map<String, Value>) -> Option<PublicKey> {
    let modulus = octets(unverified, "n")?;
    let exponent = octets(unverified, "e")?;
    PublicKey::from_rsa_components(without_zeros(&modulus), without_zeros(&exponent)).ok()
}

/// RFC 7518 §6.2.1.
fn elliptic_curve(unverified: &Map<String, Value>) -> Option<PublicKey> {
    let (curve, coordinate_bytes) = match text(unverified, "crv")? {
        "P-256" => (KeyAlgorithm::EcP256, 32),
        "P-384" => (KeyAlgorithm::EcP384, 48),
        _ => return None,
    };
    let mut point = vec![UNCOMPRESSED];
    for name in ["x", "y"] {
        let coordinate = octets(unverified, name)?;
        if coordinate.len() != coordinate_bytes {
            return None;
        }
        point.extend_from_slice(&coordinate);
    }
    PublicKey::from_ec_point(curve, &point).ok()
}

/// RFC 8037 §2.
fn edwards_curve(unverified: &Map<String, Value>) -> Option<PublicKey> {
    if text(unverified, "crv")? != "Ed25519" {
        return None;
    }
    PublicKey::from_ed25519_bytes(&octets(unverified, "x")?).ok()
}

/// The octets of the key were judged as a [`PublicKey`]: jsonwebtoken takes any.
fn decoding(key: &PublicKey) -> Option<DecodingKey> {
    match key.algorithm() {
        KeyAlgorithm::Rsa { .. } => Some(DecodingKey::from_rsa_der(key.key_bits())),
        KeyAlgorithm::EcP256 | KeyAlgorithm::EcP384 => {
            Some(DecodingKey::from_ec_der(key.key_bits()))
        }
        KeyAlgorithm::Ed25519 => Some(DecodingKey::from_ed_der(key.key_bits())),
        KeyAlgorithm::EcP521 => None,
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name)?.as_str()
}

fn octets(members: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text(members, name)?).ok()
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|octet| **octet == 0).count();
    number.get(zeros..).unwrap_or_default()
}

const UNCOMPRESSED: u8 = 0x04;
const MAX_KEY_SET_BYTES: usize = 256 * 1024;
const MAX_KEYS: usize = 128;
