//! Who may use a grant or has a role.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use ca_issuance::pattern::Pattern;
use ca_pki::Identifier;
use serde_json::{Map, Value};

use crate::grant::Glob;
use crate::{Principal, Role};

/// Who may use a grant or has a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Tokens of a provider whose claims match.
    Oidc {
        /// The provider's configured name.
        provider: String,
        /// Claim name (or JSON pointer) to glob; each must match.
        claims: BTreeMap<String, Glob>,
    },
    /// A client by id.
    Client(String),
    /// Holders of a certificate of ours with a name that the pattern covers.
    Certificate(Pattern),
    /// Everyone with the role.
    Role(Role),
}

impl Who {
    /// Returns whether a principal with (perhaps) a role is meant.
    pub fn matches(&self, principal: &Principal, role: Option<Role>) -> bool {
        match (self, principal) {
            (
                Self::Oidc { provider, claims },
                Principal::Oidc {
                    provider: shown,
                    claims: shown_claims,
                    ..
                },
            ) => provider == shown && missed_claim(claims, shown_claims).is_none(),
            (Self::Client(id), Principal::Client { id: shown, .. }) => id == shown,
            (Self::Certificate(pattern), Principal::Certificate { identifiers, .. }) => {
                identifiers.iter().any(|name| covers(pattern, name))
            }
            (Self::Role(wanted), _) => role == Some(*wanted),
            (Self::Oidc { .. } | Self::Client(_) | Self::Certificate(_), _) => false,
        }
    }

    /// Says why a principal is not meant; nothing if it is.
    pub(crate) fn misses(&self, principal: &Principal, role: Option<Role>) -> Vec<String> {
        if self.matches(principal, role) {
            return Vec::new();
        }
        match (self, principal) {
            (
                Self::Oidc { provider, claims },
                Principal::Oidc {
                    provider: shown,
                    claims: shown_claims,
                    ..
                },
            ) if provider == shown => missed_claims(claims, shown_claims),
            (Self::Oidc { .. } | Self::Client(_) | Self::Certificate(_) | Self::Role(_), _) => {
                vec![format!("it is for {self}, not for {}", principal.name())]
            }
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oidc { provider, .. } => write!(f, "tokens of {provider}"),
            Self::Client(id) => write!(f, "client {id}"),
            Self::Certificate(pattern) => write!(f, "certificates with {pattern}"),
            Self::Role(role) => write!(f, "the role {role}"),
        }
    }
}

/// Returns the name of a claim that is not what it must be; `None` if each is.
pub(crate) fn missed_claim<'a>(
    wanted: &'a BTreeMap<String, Glob>,
    shown: &Map<String, Value>,
) -> Option<&'a str> {
    let mut wanted = wanted.iter();
    let missed = wanted.find(|(key, glob)| !matches(shown, key, glob));
    missed.map(|(key, _glob)| key.as_str())
}

fn matches(shown: &Map<String, Value>, key: &str, glob: &Glob) -> bool {
    let texts = claim(shown, key).map(texts).unwrap_or_default();
    texts.iter().any(|text| glob.matches(text))
}

fn missed_claims(wanted: &BTreeMap<String, Glob>, shown: &Map<String, Value>) -> Vec<String> {
    let mut misses = Vec::new();
    for (key, glob) in wanted {
        if matches(shown, key, glob) {
            continue;
        }
        let texts = claim(shown, key).map(texts).unwrap_or_default();
        let wants = format!("claim {key} must match {:?}", glob.to_string());
        misses.push(match texts.as_slice() {
            [] => format!("{wants} and the token has none"),
            [text] => format!("{wants} and is {:?}", shortened(text)),
            [_, ..] => {
                let some = texts.iter().take(MOST_SHOWN);
                let some: Vec<String> = some.map(|text| shortened(text)).collect();
                let count = texts.len();
                format!("{wants} and is a list of {count}: {some:?}")
            }
        });
    }
    misses
}

/// Finds a claim by its name, or by a JSON pointer (RFC 6901) where the key begins with a slash.
pub(super) fn claim<'a>(claims: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    let Some(pointer) = key.strip_prefix('/') else {
        return claims.get(key);
    };
    let (first, rest) = match pointer.find('/') {
        Some(slash) => pointer.split_at(slash),
        None => (pointer, ""),
    };
    let name = first.replace("~1", "/").replace("~0", "~");
    claims.get(&name)?.pointer(rest)
}

/// Returns the texts that a claim stands for: itself, or each element of a list. What is neither
/// text, number nor truth value stands for nothing.
fn texts(value: &Value) -> Vec<Cow<'_, str>> {
    match value {
        Value::Array(elements) => elements.iter().filter_map(text).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            text(value).into_iter().collect()
        }
    }
}

fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Bool(_) | Value::Number(_) => Some(Cow::Owned(value.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn covers(pattern: &Pattern, name: &str) -> bool {
    let parsed = name
        .split_once(':')
        .and_then(|(kind, value)| Identifier::parse(kind, value).ok());
    parsed.is_some_and(|identifier| pattern.covers(&identifier))
}

/// Cuts what goes into answers and logs.
fn shortened(text: &str) -> String {
    text.chars().take(255).collect()
}

/// How many elements of a list go there.
const MOST_SHOWN: usize = 8;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(provider: &str, claims: Value) -> Principal {
        let Value::Object(claims) = claims else {
            panic!("claims are an object");
        };
        Principal::Oidc {
            provider: provider.to_owned(),
            subject: "s".to_owned(),
            claims,
        }
    }

    fn oidc(claims: &[(&str, &str)]) -> Who {
        Who::Oidc {
            provider: "gitlab".to_owned(),
            claims: claims
                .iter()
                .map(|(key, glob)| ((*key).to_owned(), glob.parse().unwrap()))
                .collect(),
        }
    }

    #[test]
    fn a_token_must_match_in_every_claim() {
        let who = oidc(&[("project_id", "42"), ("ref", "release/*")]);

        let good = token("gitlab", json!({"project_id": "42", "ref": "release/1"}));
        let other_ref = token("gitlab", json!({"project_id": "42", "ref": "main"}));
        let other_provider = token("github", json!({"project_id": "42", "ref": "release/1"}));

        assert!(who.matches(&good, None));
        assert!(!who.matches(&other_ref, None));
        assert!(!who.matches(&other_provider, None));
    }

    #[test]
    fn numbers_and_truth_values_match_by_their_json_text() {
        let who = oidc(&[("project_id", "42"), ("ref_protected", "true")]);

        assert!(who.matches(
            &token("gitlab", json!({"project_id": 42, "ref_protected": true})),
            None
        ));
        assert!(!who.matches(
            &token("gitlab", json!({"project_id": 42.0, "ref_protected": true})),
            None
        ));
    }

    #[test]
    fn a_list_matches_if_an_element_does() {
        let who = oidc(&[("groups", "deployers")]);

        assert!(who.matches(
            &token("gitlab", json!({"groups": ["a", "deployers"]})),
            None
        ));
        assert!(!who.matches(
            &token("gitlab", json!({"groups": ["a", ["deployers"]]})),
            None
        ));
        assert!(!who.matches(&token("gitlab", json!({"groups": []})), None));
    }

    #[test]
    fn a_missing_empty_or_structured_claim_matches_nothing() {
        let who = oidc(&[("environment", "**")]);

        for claims in [
            json!({}),
            json!({"environment": null}),
            json!({"environment": {"a": "b"}}),
        ] {
            assert!(
                !who.matches(&token("gitlab", claims.clone()), None),
                "{claims}"
            );
        }
    }

    #[test]
    fn a_key_with_a_slash_in_front_is_a_json_pointer() {
        let claims = json!({
            "kubernetes.io": {"namespace": "build", "serviceaccount": {"name": "ci"}},
            "a/b": "c",
            "/x": "y",
        });

        for (key, value) in [
            ("/kubernetes.io/namespace", "build"),
            ("/kubernetes.io/serviceaccount/name", "ci"),
            ("/a~1b", "c"),
            ("a/b", "c"),
            ("/~1x", "y"),
        ] {
            assert!(
                oidc(&[(key, value)]).matches(&token("gitlab", claims.clone()), None),
                "{key}"
            );
        }
        assert!(!oidc(&[("/x", "y")]).matches(&token("gitlab", claims), None));
    }

    #[test]
    fn a_certificate_matches_by_any_of_its_names() {
        let who = Who::Certificate("uri:spiffe://example.internal/ci/*".parse().unwrap());
        let holder = |names: &[&str]| Principal::Certificate {
            issuer: "tls".to_owned(),
            serial: "01".to_owned(),
            profile: "mtls".to_owned(),
            identifiers: names.iter().map(|name| (*name).to_owned()).collect(),
        };

        assert!(who.matches(
            &holder(&["dns:a.example", "uri:spiffe://example.internal/ci/7"]),
            None
        ));
        assert!(!who.matches(&holder(&["uri:spiffe://example.internal/prod/7"]), None));
        assert!(!who.matches(&holder(&[]), None));
    }

    #[test]
    fn a_client_and_a_role_match_exactly() {
        let client = Principal::Client {
            id: "deployer".to_owned(),
            role: Some(Role::Operator),
        };

        assert!(Who::Client("deployer".to_owned()).matches(&client, None));
        assert!(!Who::Client("deploy".to_owned()).matches(&client, None));
        assert!(Who::Role(Role::Operator).matches(&client, Some(Role::Operator)));
        assert!(!Who::Role(Role::Operator).matches(&client, Some(Role::Admin)));
        assert!(!Who::Role(Role::Operator).matches(&client, None));
    }

    #[test]
    fn says_which_claim_misses_and_what_it_is() {
        let who = oidc(&[("ref_protected", "true")]);

        let misses = who.misses(&token("gitlab", json!({"ref_protected": "false"})), None);

        assert_eq!(
            misses,
            ["claim ref_protected must match \"true\" and is \"false\""]
        );
    }
}
