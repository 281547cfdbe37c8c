//! Grants as people write them: plain data, the same in the configuration and over the API.

mod compile;
mod show;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::grant::Glob;

/// A grant as it is written. [`GrantSpec::compile`] checks it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GrantSpec {
    /// Unique over the configuration and the API: 1 to 64 lower-case letters, digits, - and _.
    pub name: String,
    /// Who may use it: `{ oidc = "gitlab", claims = { … } }`, `{ client = "…" }`,
    /// `{ certificate = "spiffe://…" }` or `{ role = "operator" }`.
    pub who: WhoSpec,
    /// Which `[[profile]]`s certificates may be of.
    pub profiles: Vec<String>,
    /// Which names they may hold: patterns such as `dns:*.ci.example.internal`, `ip:10.0.0.0/8`,
    /// `uri:spiffe://example.internal/ci/*`, `email:*@example.internal`. Only a grant with a
    /// subject may do without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<String>,
    /// Which they may not; wins over `identifiers`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
    /// Whether wildcard names may be had where `identifiers` covers every name below them.
    #[serde(default)]
    pub wildcards: bool,
    /// How long a certificate may live, 2m to 24h; left out, as long as the profile lets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_lifetime: Option<String>,
    /// From which addresses and networks it may be used; left out, from each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<String>,
    /// Until when it may be used, as `2026-12-31T00:00:00Z`. Over the API it must be set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// How many certificates it is good for; left out, for any number. They are counted by the
    /// grant's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u64>,
    /// The subject, for profiles with `subject = "grant"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<SubjectSpec>,
}

/// Who may use a grant, or has a role. Exactly one of `oidc`, `client`, `certificate`, `role`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WhoSpec {
    /// The name of an `[[oidc]]` provider: holders of its tokens whose `claims` match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oidc: Option<String>,
    /// For `oidc`, at least one: the name of a claim, or a JSON pointer if it begins with a slash
    /// (`"/kubernetes.io/namespace"`), and the text that it must have. In it `*` is any run
    /// without a slash, `**` any run. Of a list one element must match; numbers and truth values
    /// match by their JSON text; a missing claim never does.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, ClaimSpec>,
    /// The id of a client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// A pattern over the names in a client certificate of this server's: `spiffe://…` stands for
    /// `uri:spiffe://…`, a bare name for `dns:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// `admin`, `operator` or `auditor`: everyone with exactly this role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// What a claim must be: a text or glob; a number or truth value may be written as such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimSpec(pub String);

/// A subject; its texts may hold `{claim}`, with a claim's name or a JSON pointer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectSpec {
    /// CN, at most 64 characters: for kubectl, the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_name: Option<String>,
    /// O, each at most 64 characters: for kubectl, the groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub organizations: Vec<String>,
}

/// Names that a grant may refer to.
#[derive(Clone, Debug, Default)]
pub struct KnownNames {
    /// Configured profiles.
    pub profiles: BTreeSet<String>,
    /// Configured OpenID Connect providers.
    pub providers: BTreeSet<String>,
}

impl ClaimSpec {
    /// Parses what claims must be, each by its name or JSON pointer; `Err` lists what is wrong.
    pub fn compile(claims: &BTreeMap<String, Self>) -> Result<BTreeMap<String, Glob>, Vec<String>> {
        let mut faults = Vec::new();
        let mut globs = BTreeMap::new();
        for (key, wanted) in claims {
            match wanted.0.parse() {
                Ok(glob) => {
                    globs.insert(key.clone(), glob);
                }
                Err(error) => faults.push(format!("claim {key}: {error}")),
            }
        }
        if faults.is_empty() {
            Ok(globs)
        } else {
            Err(faults)
        }
    }
}

impl Serialize for ClaimSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ClaimSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "a claim must be a text, a whole number, true or false"
        )]
        enum Written {
            Text(String),
            Truth(bool),
            Number(i64),
        }
        Ok(Self(match Written::deserialize(deserializer)? {
            Written::Text(text) => text,
            Written::Truth(truth) => truth.to_string(),
            Written::Number(number) => number.to_string(),
        }))
    }
}
