//! Tokens before anybody checked them: JWS compact serialization (RFC 7515 §7.1) of claims.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::json::parse_object_strictly;
use crate::{LoginFailure, Principal};

/// A token that reads, and no more: nothing in it is to be believed.
#[derive(Debug)]
pub(super) struct UnverifiedToken<'a> {
    /// The header's `alg`.
    pub(super) alg: String,
    /// The header's `kid`.
    pub(super) kid: Option<String>,
    /// The claims.
    pub(super) claims: Map<String, Value>,
    /// What is signed.
    pub(super) signing_input: &'a str,
    /// The signature in base64url.
    pub(super) signature: &'a str,
}

/// Reads a token's `iss` without believing it: only to choose who is to judge the token.
pub fn unverified_issuer(unverified: &str) -> Result<String, LoginFailure> {
    let token = UnverifiedToken::parse(unverified)?;
    token.issuer().map(str::to_owned)
}

/// Reads whom a token of `provider` names without believing it: to explain what would be decided.
pub fn unverified_principal(provider: &str, unverified: &str) -> Result<Principal, LoginFailure> {
    let mut claims = UnverifiedToken::parse(unverified)?.claims;
    let subject = claims.get("sub").and_then(Value::as_str);
    let subject = subject.unwrap_or_default().to_owned();
    claims.retain(|name, _| !NOT_KEPT.contains(&name.as_str()));
    Ok(Principal::Oidc {
        provider: provider.to_owned(),
        subject,
        claims,
    })
}

impl<'a> UnverifiedToken<'a> {
    /// Parses three base64url parts, two of them JSON objects that name each member once.
    pub(super) fn parse(unverified: &'a str) -> Result<Self, LoginFailure> {
        if unverified.len() > MAX_TOKEN_BYTES {
            return Err(LoginFailure::TooLarge);
        }
        let (signing_input, signature) = unverified.rsplit_once('.').ok_or(NOT_THREE_PARTS)?;
        let (header, payload) = signing_input.split_once('.').ok_or(NOT_THREE_PARTS)?;
        if payload.contains('.') {
            return Err(NOT_THREE_PARTS);
        }
        let mut header = object(header)?;
        let claims = object(payload)?;
        octets(signature)?;
        // RFC 7515 §4.1.11: what it lists must be understood, and nothing is.
        if header.contains_key("crit") {
            return Err(LoginFailure::CriticalHeader);
        }
        require_plain_type(header.get("typ"))?;
        let alg = string(header.remove("alg"))?.ok_or(LoginFailure::Malformed("it has no alg"))?;
        if !claims.values().all(|value| is_shallow(value, MAX_DEPTH)) {
            return Err(LoginFailure::Malformed("its claims are nested too deeply"));
        }
        Ok(Self {
            alg,
            kid: string(header.remove("kid"))?,
            claims,
            signing_input,
            signature,
        })
    }

    /// Returns the claim `iss`.
    pub(super) fn issuer(&self) -> Result<&str, LoginFailure> {
        self.claims
            .get("iss")
            .and_then(Value::as_str)
            .ok_or(LoginFailure::Malformed("iss is missing or not a string"))
    }
}

/// Claims that say when a token holds and which it is, not who.
pub(super) const NOT_KEPT: [&str; 4] = ["exp", "nbf", "iat", "jti"];

/// Refuses what the same issuer signs for other ends, logout tokens for one (RFC 8725 §3.11).
fn require_plain_type(typ: Option<&Value>) -> Result<(), LoginFailure> {
    let Some(typ) = typ else {
        return Ok(());
    };
    let name = typ.as_str().unwrap_or_default().to_ascii_lowercase();
    let name = name.strip_prefix("application/").unwrap_or(&name);
    if matches!(name, "jwt" | "at+jwt") {
        return Ok(());
    }
    Err(LoginFailure::Malformed("its typ is not JWT"))
}

fn object(part: &str) -> Result<Map<String, Value>, LoginFailure> {
    parse_object_strictly(&octets(part)?).ok_or(LoginFailure::Malformed(
        "a part is not a JSON object that names each member once",
    ))
}

fn octets(part: &str) -> Result<Vec<u8>, LoginFailure> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| {
        LoginFailure::Malformed("a part is not base64url without padding (RFC 7515 §2)")
    })
}

fn string(member: Option<Value>) -> Result<Option<String>, LoginFailure> {
    match member {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_),
        ) => Err(LoginFailure::Malformed("its alg or kid is not a string")),
    }
}

fn is_shallow(value: &Value, depth: usize) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        Value::Array(elements) => {
            depth > 0
                && elements
                    .iter()
                    .all(|element| is_shallow(element, depth - 1))
        }
        Value::Object(members) => {
            depth > 0 && members.values().all(|member| is_shallow(member, depth - 1))
        }
    }
}

const NOT_THREE_PARTS: LoginFailure = LoginFailure::Malformed("it has not three parts");
/// CI systems send one to three KiB; with many groups in it, some more.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
const MAX_DEPTH: usize = 8;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(header: &str, payload: &str) -> String {
        let [header, payload] = [header, payload].map(|part| URL_SAFE_NO_PAD.encode(part));
        format!("{header}.{payload}.c2ln")
    }

    fn refusal(text: &str) -> LoginFailure {
        UnverifiedToken::parse(text).unwrap_err()
    }

    const HEADER: &str = r#"{"alg":"ES256","kid":"1"}"#;

    #[test]
    fn reads_header_and_claims() {
        let text = token(HEADER, r#"{"iss":"i","n":{"a":[1]}}"#);

        let read = UnverifiedToken::parse(&text).unwrap();

        assert_eq!(
            (read.alg.as_str(), read.kid.as_deref()),
            ("ES256", Some("1"))
        );
        assert_eq!(Value::Object(read.claims), json!({"iss":"i","n":{"a":[1]}}));
        assert_eq!(format!("{}.c2ln", read.signing_input), text);
        assert_eq!(unverified_issuer(&text).as_deref(), Ok("i"));
    }

    #[test]
    fn refuses_what_is_not_three_parts_of_unpadded_base64url() {
        let good = token(HEADER, "{}");
        let padded = good.replace(".c2ln", ".c2k=");
        let loose = good.replace(".c2ln", ".c2m");
        let standard = good.replace(".c2ln", ".+/+/");
        for text in [
            "",
            ".",
            "a.b",
            "..",
            "not a token",
            &good.replace(".c2ln", ""),
            &format!("{good}.x"),
            &format!("{good}.x.y"),
            &format!(" {good}"),
            &format!("{good}\n"),
            &padded,
            &loose,
            &standard,
        ] {
            let refused = refusal(text);
            assert!(matches!(refused, LoginFailure::Malformed(_)), "{text:?}");
        }
    }

    #[test]
    fn refuses_parts_that_two_readers_may_read_differently() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(9), "]".repeat(9));
        for (header, payload) in [
            (HEADER, r#"{"sub":"a","sub":"b"}"#),
            (HEADER, r#"{"a":{"sub":"a","s\u0075b":"b"}}"#),
            (r#"{"alg":"ES256","alg":"none"}"#, "{}"),
            (HEADER, "[]"),
            (HEADER, "nonsense"),
            (HEADER, "{}{}"),
            (HEADER, &deep),
            ("null", "{}"),
            (r#"{"kid":"1"}"#, "{}"),
            (r#"{"alg":["ES256"]}"#, "{}"),
            (r#"{"alg":"ES256","kid":1}"#, "{}"),
            (r#"{"alg":"ES256","typ":"logout+jwt"}"#, "{}"),
            (r#"{"alg":"ES256","typ":7}"#, "{}"),
        ] {
            let refused = refusal(&token(header, payload));
            assert!(matches!(refused, LoginFailure::Malformed(_)), "{payload}");
        }
    }

    #[test]
    fn refuses_extensions_that_must_be_understood() {
        let header = r#"{"alg":"ES256","crit":["b64"],"b64":false}"#;

        assert_eq!(refusal(&token(header, "{}")), LoginFailure::CriticalHeader);
    }

    #[test]
    fn refuses_a_token_past_any_reasonable_size() {
        let huge = token(HEADER, &format!(r#"{{"a":"{}"}}"#, "x".repeat(16_384)));

        assert_eq!(refusal(&huge), LoginFailure::TooLarge);
    }
}
