//! Account keys as JSON Web Keys (RFC 7517, RFC 7518 §6, RFC 8037 §2) and thumbprints (RFC 7638).

use std::fmt;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_pki::key::PublicKeyError;
use ca_pki::{KeyAlgorithm, PublicKey};
use serde_json::{Map, Value};

use crate::{Error, Problem, ProblemKind};
use ca_identity::json::parse_object_strictly;

/// A public key in the one JSON form that its thumbprint is taken over.
#[derive(Clone, PartialEq, Eq)]
pub struct Jwk {
    key: PublicKey,
    canonical: String,
    thumbprint: String,
}

impl Jwk {
    /// Parses JSON text.
    pub fn parse(unverified: &str) -> Result<Self, Error> {
        let members = parse_object_strictly(unverified.as_bytes())
            .ok_or_else(|| Error::malformed("the JWK is not a JSON object"))?;
        Self::from_members(&members)
    }

    /// Reads a JWK's members. Those that neither name the key nor make it private are ignored.
    pub(crate) fn from_members(unverified: &Map<String, Value>) -> Result<Self, Error> {
        if let Some(name) = PRIVATE_MEMBERS
            .iter()
            .find(|name| unverified.contains_key(**name))
        {
            return Err(Error::malformed(format!(
                "the JWK has a private member ({name}): never send it, and use a new key"
            )));
        }
        let (key, canonical) = match text(unverified, "kty")? {
            "EC" => elliptic_curve(unverified)?,
            "RSA" => rsa(unverified)?,
            "OKP" => edwards_curve(unverified)?,
            _ => return Err(bad_key("the JWK's kty is none of EC, RSA, OKP")),
        };
        let thumbprint = digest::digest(&digest::SHA256, canonical.as_bytes());
        Ok(Self {
            key,
            canonical,
            thumbprint: URL_SAFE_NO_PAD.encode(thumbprint),
        })
    }

    /// Returns the key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Returns the required members only, in order, without white space (RFC 7638 §3.2).
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// Returns base64url of SHA-256 of the canonical form (RFC 7638).
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }
}

impl fmt::Debug for Jwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jwk({})", self.thumbprint)
    }
}

/// Returns `token.thumbprint`, what a client proves control with (RFC 8555 §8.1).
pub fn key_authorization(token: &str, thumbprint: &str) -> String {
    format!("{token}.{thumbprint}")
}

fn elliptic_curve(members: &Map<String, Value>) -> Result<(PublicKey, String), Error> {
    let name = text(members, "crv")?;
    let (curve, coordinate_bytes) = match name {
        "P-256" => (KeyAlgorithm::EcP256, 32),
        "P-384" => (KeyAlgorithm::EcP384, 48),
        "P-521" => (KeyAlgorithm::EcP521, 66),
        _ => return Err(bad_key("the JWK's curve is none of P-256, P-384, P-521")),
    };
    let (x, y) = (text(members, "x")?, text(members, "y")?);
    let mut point = vec![UNCOMPRESSED];
    for coordinate in [x, y] {
        let octets = octets(coordinate)?;
        if octets.len() != coordinate_bytes {
            return Err(Error::malformed(
                "a coordinate in the JWK is not as long as its curve's (RFC 7518 §6.2.1)",
            ));
        }
        point.extend_from_slice(&octets);
    }
    let key = PublicKey::from_ec_point(curve, &point).map_err(refused)?;
    let canonical = format!(r#"{{"crv":"{name}","kty":"EC","x":"{x}","y":"{y}"}}"#);
    Ok((key, canonical))
}

fn rsa(members: &Map<String, Value>) -> Result<(PublicKey, String), Error> {
    let (n, e) = (text(members, "n")?, text(members, "e")?);
    let (modulus, exponent) = (octets(n)?, octets(e)?);
    // With leading zeros one key would have several thumbprints, and so several accounts.
    if [&modulus, &exponent]
        .iter()
        .any(|number| matches!(number.first(), None | Some(0)))
    {
        return Err(Error::malformed(
            "a number in the JWK is empty or begins with a zero octet (RFC 7518 §6.3.1)",
        ));
    }
    let key = PublicKey::from_rsa_components(&modulus, &exponent).map_err(refused)?;
    Ok((key, format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#)))
}

fn edwards_curve(members: &Map<String, Value>) -> Result<(PublicKey, String), Error> {
    if text(members, "crv")? != "Ed25519" {
        return Err(bad_key("the JWK's curve is not Ed25519"));
    }
    let x = text(members, "x")?;
    let key = PublicKey::from_ed25519_bytes(&octets(x)?).map_err(refused)?;
    Ok((key, format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)))
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a str, Error> {
    members
        .get(name)
        .and_then(Value::as_str)
        .ok_or_else(|| Error::malformed(format!("the JWK's {name} is missing or not a string")))
}

/// Decodes base64url without padding; text that decodes holds nothing that JSON would escape.
fn octets(text: &str) -> Result<Vec<u8>, Error> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| Error::malformed("a number in the JWK is not base64url without padding"))
}

fn refused(reason: PublicKeyError) -> Error {
    bad_key(reason.to_string())
}

fn bad_key(detail: impl Into<String>) -> Error {
    Problem::new(ProblemKind::BadPublicKey, detail).into()
}

const UNCOMPRESSED: u8 = 0x04;
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(json: &str) -> Problem {
        match Jwk::parse(json).unwrap_err() {
            Error::Refused(problem) => *problem,
            other @ (Error::Store(_)
            | Error::Issuance(_)
            | Error::Entropy(_)
            | Error::Inconsistent(_)) => panic!("{other}"),
        }
    }

    /// The key of RFC 7638 §3.1.
    const RFC_7638: &str = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;

    #[test]
    fn takes_the_thumbprint_of_rfc_7638() {
        let jwk = Jwk::parse(RFC_7638).unwrap();

        assert_eq!(
            jwk.thumbprint(),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
    }

    #[test]
    fn takes_the_thumbprint_of_rfc_8037() {
        let jwk = Jwk::parse(
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        )
        .unwrap();

        assert_eq!(
            jwk.thumbprint(),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }

    #[test]
    fn reads_its_own_canonical_form_back() {
        let jwk = Jwk::parse(P256).unwrap();

        assert_eq!(Jwk::parse(jwk.canonical()).unwrap(), jwk);
        assert_eq!(jwk.key().algorithm(), KeyAlgorithm::EcP256);
    }

    /// The key of RFC 7515 appendix A.3.
    const P256: &str = r#"{"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","crv":"P-256","kty":"EC"}"#;

    #[test]
    fn refuses_keys_that_cannot_be_trusted_as_bad_public_keys() {
        let swapped = P256.replace("x_FEzRu9m36", "x_FEzRu9m37");
        let small = r#"{"kty":"RSA","e":"AQAB","n":"sXchDaQebHnPiGvyDOAT4saGEUetSyo9MKLOoWFsueri23bOdgWp4Dy1WlUzewbgBHod5pcM9H95GQRV3JDXboIRROSBigeC5yjU1hGzHHyXss8UDprecbAYxknTcQkhslANGRUZmdTOQ5qTRsLAt6BTYuyvVRdhS8exSZEy_c4"}"#;
        let exponent = RFC_7638.replace("AQAB", "Aw");
        for json in [
            &swapped,
            small,
            &exponent,
            r#"{"kty":"oct"}"#,
            r#"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}"#,
            r#"{"kty":"OKP","crv":"X25519","x":"AA"}"#,
        ] {
            assert_eq!(refusal(json).kind, ProblemKind::BadPublicKey, "{json}");
        }
    }

    #[test]
    fn refuses_jwks_that_do_not_read_as_malformed() {
        let private = P256.replace(r#""kty""#, r#""d":"AA","kty""#);
        let padded = P256.replace("I5a0", "I5a0=");
        let short = P256.replace("x_FE", "");
        let twice = P256.replace(r#""kty""#, r#""x":"AA","kty""#);
        let leading_zero = RFC_7638.replace("AQAB", "AAEAAQ");
        for json in [
            "",
            "[]",
            "{}",
            r#"{"kty":7}"#,
            r#"{"kty":"EC","crv":"P-256"}"#,
            r#"{"kty":"RSA","n":"","e":"AQAB"}"#,
            &private,
            &padded,
            &short,
            &twice,
            &leading_zero,
        ] {
            assert_eq!(refusal(json).kind, ProblemKind::Malformed, "{json}");
        }
    }
}
