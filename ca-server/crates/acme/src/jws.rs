//! JSON Web Signatures as ACME allows them (RFC 8555 §6.2): flattened, nothing unprotected.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_pki::{KeyAlgorithm, SignatureAlgorithm};
use serde_json::{Map, Value};

use crate::jwk::Jwk;
use crate::{Error, Problem, ProblemKind};
use ca_identity::json::parse_object_strictly;

/// A JWS whose signature nobody has checked yet.
#[derive(Debug)]
pub(crate) struct UnverifiedJws {
    pub(crate) header: ProtectedHeader,
    pub(crate) payload: Vec<u8>,
    signing_input: Vec<u8>,
    signature: Vec<u8>,
}

/// The protected header; names beside these are ignored (RFC 7515 §4).
#[derive(Debug)]
pub(crate) struct ProtectedHeader {
    pub(crate) alg: String,
    pub(crate) nonce: Option<String>,
    pub(crate) url: String,
    pub(crate) key: KeyReference,
}

/// Exactly one of `jwk` and `kid` (RFC 8555 §6.2).
#[derive(Debug)]
pub(crate) enum KeyReference {
    /// The key itself.
    Jwk(Map<String, Value>),
    /// An account URL, or an external account's key identifier.
    Kid(String),
}

/// Signature algorithms of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Es256,
    Es384,
    Es512,
    Rs256,
    EdDsa,
}

impl UnverifiedJws {
    /// Parses JSON text: a body, or a JWS inside a payload.
    pub(crate) fn parse(unverified: &[u8]) -> Result<Self, Error> {
        let members = parse_object_strictly(unverified)
            .ok_or_else(|| Error::malformed("the request is not a JWS: not one JSON object"))?;
        Self::from_members(&members)
    }

    fn from_members(members: &Map<String, Value>) -> Result<Self, Error> {
        // `header` is unprotected and `signatures` the general form: both MUST NOT be used
        // (RFC 8555 §6.2); nothing else has a meaning here.
        if let Some(name) = members
            .keys()
            .find(|name| !MEMBERS.contains(&name.as_str()))
        {
            let name: String = name.chars().take(LONGEST_NAME).collect();
            return Err(Error::malformed(format!(
                "the JWS has the member {name:?}: only protected, payload and signature are taken"
            )));
        }
        let (protected, header) = member(members, "protected")?;
        let (payload_text, payload) = member(members, "payload")?;
        let (_, signature) = member(members, "signature")?;
        Ok(Self {
            header: ProtectedHeader::parse(&header)?,
            payload,
            signing_input: format!("{protected}.{payload_text}").into_bytes(),
            signature,
        })
    }

    /// Checks that the algorithm is one that requests may be signed with.
    pub(crate) fn require_supported_algorithm(&self) -> Result<(), Error> {
        Algorithm::parse(&self.header.alg).map(|_| ())
    }

    /// Verifies the signature; the payload may be believed once this returned `Ok`.
    pub(crate) fn verify(&self, jwk: &Jwk) -> Result<(), Error> {
        let algorithm = Algorithm::parse(&self.header.alg)?;
        if !algorithm.fits(jwk.key().algorithm()) {
            return Err(bad_algorithm(format!(
                "{} does not fit a key of the kind {}",
                self.header.alg,
                jwk.key().algorithm()
            )));
        }
        jwk.key()
            .verify_fixed(algorithm.signature(), &self.signing_input, &self.signature)
            .map_err(|_| Error::malformed("the JWS's signature does not verify"))
    }

    pub(crate) fn signing_input(&self) -> &[u8] {
        &self.signing_input
    }

    pub(crate) fn signature(&self) -> &[u8] {
        &self.signature
    }
}

impl ProtectedHeader {
    fn parse(unverified: &[u8]) -> Result<Self, Error> {
        let mut members = parse_object_strictly(unverified).ok_or_else(|| {
            Error::malformed(
                "the protected header is not a JSON object that names each member once",
            )
        })?;
        if members.contains_key("crit") {
            return Err(Error::malformed(
                "the protected header has crit: no extension is understood here",
            ));
        }
        let key = match (members.remove("jwk"), members.remove("kid")) {
            (Some(Value::Object(jwk)), None) => KeyReference::Jwk(jwk),
            (None, Some(Value::String(kid))) => KeyReference::Kid(kid),
            (Some(_), Some(_)) | (None, None) => {
                return Err(Error::malformed(
                    "the protected header must have exactly one of jwk and kid",
                ));
            }
            (Some(_), None) => return Err(Error::malformed("jwk is not a JSON object")),
            (None, Some(_)) => return Err(Error::malformed("kid is not a string")),
        };
        let alg = string(&mut members, "alg")?
            .ok_or_else(|| Error::malformed("the protected header has no alg"))?;
        let url = string(&mut members, "url")?
            .ok_or_else(|| Error::malformed("the protected header has no url"))?;
        Ok(Self {
            alg,
            nonce: string(&mut members, "nonce")?,
            url,
            key,
        })
    }
}

impl Algorithm {
    fn parse(name: &str) -> Result<Self, Error> {
        match name {
            "ES256" => Ok(Self::Es256),
            "ES384" => Ok(Self::Es384),
            "ES512" => Ok(Self::Es512),
            "RS256" => Ok(Self::Rs256),
            "EdDSA" => Ok(Self::EdDsa),
            _ => Err(bad_algorithm(
                "the JWS is signed with an algorithm that is not accepted, see algorithms",
            )),
        }
    }

    fn fits(self, key: KeyAlgorithm) -> bool {
        match self {
            Self::Es256 => key == KeyAlgorithm::EcP256,
            Self::Es384 => key == KeyAlgorithm::EcP384,
            Self::Es512 => key == KeyAlgorithm::EcP521,
            Self::EdDsa => key == KeyAlgorithm::Ed25519,
            Self::Rs256 => matches!(key, KeyAlgorithm::Rsa { .. }),
        }
    }

    fn signature(self) -> SignatureAlgorithm {
        match self {
            Self::Es256 => SignatureAlgorithm::EcdsaSha256,
            Self::Es384 => SignatureAlgorithm::EcdsaSha384,
            Self::Es512 => SignatureAlgorithm::EcdsaSha512,
            Self::Rs256 => SignatureAlgorithm::RsaSha256,
            Self::EdDsa => SignatureAlgorithm::Ed25519,
        }
    }
}

/// Returns a member's text and the octets that it encodes.
fn member<'a>(members: &'a Map<String, Value>, name: &str) -> Result<(&'a str, Vec<u8>), Error> {
    let text = members
        .get(name)
        .and_then(Value::as_str)
        .ok_or_else(|| Error::malformed(format!("the JWS's {name} is missing or not a string")))?;
    let octets = URL_SAFE_NO_PAD.decode(text).map_err(|_| {
        Error::malformed(format!("the JWS's {name} is not base64url without padding"))
    })?;
    Ok((text, octets))
}

fn string(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Error> {
    match members.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::malformed(format!("{name} is not a string"))),
    }
}

fn bad_algorithm(detail: impl Into<String>) -> Error {
    let mut problem = Problem::new(ProblemKind::BadSignatureAlgorithm, detail);
    problem.algorithms = ALGORITHMS;
    problem.into()
}

const ALGORITHMS: &[&str] = &["ES256", "ES384", "ES512", "RS256", "EdDSA"];
const MEMBERS: [&str; 3] = ["protected", "payload", "signature"];
const LONGEST_NAME: usize = 40;

#[cfg(test)]
mod tests;
