//! Subjects of certificates as grants give them: texts with claims filled in.

use std::fmt;
use std::str::FromStr;

use ca_issuance::entitlement::SubjectName;
use serde_json::Value;

use crate::Principal;
use crate::grant::who;

/// A subject whose parts may hold `{claim}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubjectTemplate {
    /// CN: for kubectl, the user.
    pub common_name: Option<TextTemplate>,
    /// O: for kubectl, the groups.
    pub organizations: Vec<TextTemplate>,
}

/// Text with claims in braces: `ci:{project_path}`, `{/kubernetes.io/namespace}`.
///
/// A claim's value must be text. It must not hold the character that follows the placeholder in
/// the template: otherwise `{a}:{b}` would give the same name for `x`, `y:z` and for `x:y`, `z`,
/// and one job could take another's name. Which claims a job can choose for itself (a branch, an
/// environment) no template can know: whoever writes it picks claims that the provider vouches
/// for, and puts a text of its own in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextTemplate(Vec<Part>);

/// Text that is not a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a subject template: {reason}")]
pub struct NotATemplate {
    text: String,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Claim(String),
}

impl SubjectTemplate {
    /// Returns whether a part of it comes from a claim.
    pub fn has_claims(&self) -> bool {
        let mut texts = self.common_name.iter().chain(&self.organizations);
        texts.any(|text| text.0.iter().any(|part| matches!(part, Part::Claim(_))))
    }

    /// Fills in the principal's claims; `Err` says everything that is wrong.
    pub(crate) fn fill(&self, principal: &Principal) -> Result<SubjectName, Vec<String>> {
        let mut faults = Vec::new();
        let mut fill = |attribute: &str, template: &TextTemplate| match template.fill(principal) {
            Ok(text) => Some(text),
            Err(fault) => {
                faults.push(format!("{attribute} {:?}: {fault}", template.to_string()));
                None
            }
        };
        let common_name = self.common_name.as_ref().and_then(|text| fill("CN", text));
        let organizations: Vec<String> = self
            .organizations
            .iter()
            .filter_map(|text| fill("O", text))
            .collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(SubjectName {
            common_name,
            organizations,
        })
    }
}

impl TextTemplate {
    fn fill(&self, principal: &Principal) -> Result<String, String> {
        let mut filled = String::new();
        for (at, part) in self.0.iter().enumerate() {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Claim(key) => {
                    let value = text_of(principal, key)?;
                    let follows = match self.0.get(at + 1) {
                        Some(Part::Text(text)) => text.chars().next(),
                        Some(Part::Claim(_)) | None => None,
                    };
                    if follows.is_some_and(|stop| value.contains(stop)) {
                        return Err(format!(
                            "claim {key} holds the character that ends it here, {:?}",
                            follows.unwrap_or_default()
                        ));
                    }
                    filled.push_str(value);
                }
            }
        }
        if filled.chars().count() > UPPER_BOUND {
            return Err(format!("it would be longer than {UPPER_BOUND} characters"));
        }
        Ok(filled)
    }
}

fn text_of<'a>(principal: &'a Principal, key: &str) -> Result<&'a str, String> {
    let claims = match principal {
        Principal::Oidc { claims, .. } => claims,
        Principal::Client { .. } | Principal::Certificate { .. } | Principal::Operator { .. } => {
            return Err("there are no claims but a token's".to_owned());
        }
    };
    match who::claim(claims, key) {
        Some(Value::String(text)) if is_fit(text) => Ok(text),
        Some(Value::String(_)) => Err(format!(
            "claim {key} is empty, or holds blanks at its ends or control characters"
        )),
        Some(
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_),
        ) => Err(format!("claim {key} is not text")),
        None => Err(format!("the token has no claim {key}")),
    }
}

fn is_fit(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control)
}

impl FromStr for TextTemplate {
    type Err = NotATemplate;

    fn from_str(text: &str) -> Result<Self, NotATemplate> {
        parts(text).map(Self).map_err(|reason| NotATemplate {
            text: text.chars().take(255).collect(),
            reason,
        })
    }
}

fn parts(text: &str) -> Result<Vec<Part>, &'static str> {
    if !is_fit(text) {
        return Err("it is empty, or holds blanks at its ends or control characters");
    }
    let mut parts: Vec<Part> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let Some(after) = rest.strip_prefix('{') else {
            let (literal, more) = rest.split_at(rest.find('{').unwrap_or(rest.len()));
            if literal.contains('}') {
                return Err("a brace is closed that was not opened");
            }
            parts.push(Part::Text(literal.to_owned()));
            rest = more;
            continue;
        };
        let (key, more) = after.split_once('}').ok_or("a brace is not closed")?;
        if key.is_empty() || key.contains('{') {
            return Err("braces hold the name of one claim, or a JSON pointer");
        }
        if matches!(parts.last(), Some(Part::Claim(_))) {
            return Err("between two claims there must be text: else their ends are blurred");
        }
        parts.push(Part::Claim(key.to_owned()));
        rest = more;
    }
    let literals = parts.iter().map(|part| match part {
        Part::Text(text) => text.chars().count(),
        Part::Claim(_) => 0,
    });
    if literals.sum::<usize>() > UPPER_BOUND {
        return Err("it is longer than 64 characters");
    }
    Ok(parts)
}

impl fmt::Display for TextTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Text(text) => f.write_str(text)?,
                Part::Claim(key) => write!(f, "{{{key}}}")?,
            }
        }
        Ok(())
    }
}

/// ub-common-name and ub-organization-name (RFC 5280 §A.1).
const UPPER_BOUND: usize = 64;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(claims: Value) -> Principal {
        let Value::Object(claims) = claims else {
            panic!("claims are an object");
        };
        Principal::Oidc {
            provider: "gitlab".to_owned(),
            subject: "s".to_owned(),
            claims,
        }
    }

    fn fill(template: &str, claims: Value) -> Result<String, String> {
        template
            .parse::<TextTemplate>()
            .unwrap()
            .fill(&token(claims))
    }

    #[test]
    fn fills_in_claims_and_pointers() {
        let claims = json!({"project_id": "42", "kubernetes.io": {"namespace": "build"}});

        let filled = fill("ci:{project_id}/{/kubernetes.io/namespace}", claims);

        assert_eq!(filled.as_deref(), Ok("ci:42/build"));
    }

    #[test]
    fn refuses_values_that_are_missing_or_not_plain_text() {
        for claims in [
            json!({}),
            json!({"a": null}),
            json!({"a": 1}),
            json!({"a": ["b"]}),
            json!({"a": ""}),
            json!({"a": " b"}),
            json!({"a": "b\n"}),
            json!({"a": "b".repeat(62)}),
        ] {
            assert!(fill("ci:{a}", claims.clone()).is_err(), "{claims}");
        }
        assert!(fill("ci:{a}", json!({"a": "b".repeat(61)})).is_ok());
    }

    #[test]
    fn a_value_cannot_reach_into_the_part_behind_it() {
        let template = "ci:{project}:{environment}";

        let honest = fill(template, json!({"project": "a", "environment": "b:prod"}));
        let forged = fill(template, json!({"project": "a:b", "environment": "prod"}));

        assert_eq!(honest.as_deref(), Ok("ci:a:b:prod"));
        assert!(forged.is_err());
    }

    #[test]
    fn refuses_what_is_not_a_template() {
        for text in [
            "",
            " a",
            "a{",
            "a}",
            "{}",
            "{a{b}}",
            "{a}{b}",
            "a\n",
            &"a".repeat(65),
        ] {
            assert!(text.parse::<TextTemplate>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn lists_every_part_that_cannot_be_filled() {
        let template = SubjectTemplate {
            common_name: Some("{a}".parse().unwrap()),
            organizations: vec!["x".parse().unwrap(), "{b}".parse().unwrap()],
        };

        let faults = template.fill(&token(json!({}))).unwrap_err();

        assert_eq!(faults.len(), 2, "{faults:?}");
    }
}
