//! `[[oidc]]`

use std::collections::BTreeMap;
use std::path::PathBuf;

use ca_identity::grant::{ClaimSpec, Glob};
use ca_identity::oidc::{Algorithm, ProviderKind, ProviderSettings};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use url::Url;

use super::Span;

/// One OpenID Connect issuer, a CI system or a cluster, whose tokens are taken as credentials.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OidcSection {
    /// Its name in grants and in `requested_by`: `oidc:{name}:{subject}`.
    pub name: String,
    /// The claim `iss` of its tokens, exactly: case, port and final slash count.
    pub issuer: String,
    /// The claim `aud` that its tokens must have, or a list of which they must have one. Jobs ask
    /// for it; take this server's external URL, so that no other service takes the tokens.
    pub audience: Audience,
    /// What each of its tokens must have besides, as claims in grants; others are no login here.
    /// For issuers where strangers get tokens: the public CI services serve the whole world.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, ClaimSpec>,
    /// The https URL of its key set. It is dialled in the networks of
    /// `validation.allow_networks` and `jwks_networks`, and never found by discovery. Either this or `jwks_file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<String>,
    /// A file with its key set, for issuers that this server cannot reach; read again within half
    /// a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_file: Option<PathBuf>,
    /// PEM: the only roots that the certificate at `jwks_url` may chain to. Without it the public
    /// ones, which is for issuers on the internet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_ca: Option<PathBuf>,
    /// In which networks `jwks_url` may be dialled besides those of `validation.allow_networks`,
    /// which are for challenges too. For a public issuer `["0.0.0.0/0", "::/0"]`: loopback,
    /// link-local and metadata addresses are still not dialled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jwks_networks: Vec<IpNet>,
    /// What its tokens may be signed with: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384,
    /// EdDSA. Name those that it uses and no others.
    pub algorithms: Vec<String>,
    /// Whether each of its tokens is taken once only, by its claim `jti`.
    #[serde(default)]
    pub single_use: bool,
    /// The longest span from `iat` to `exp` of a token.
    #[serde(default = "one_hour")]
    pub max_token_lifetime: Span,
    /// What it is, for `ci_claims` of profiles: what its claims are called.
    #[serde(default)]
    pub kind: KindSetting,
}

/// One audience or several.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged, expecting = "audience must be a string or a list of strings")]
pub enum Audience {
    /// One.
    One(String),
    /// Any of these.
    Several(Vec<String>),
}

/// What an issuer is, for the names of its claims.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum KindSetting {
    /// GitHub Actions.
    Github,
    /// GitLab CI.
    Gitlab,
    /// Kubernetes service accounts.
    Kubernetes,
    /// Anything else: certificates name its issuer and the token's subject only.
    #[default]
    Other,
}

impl Audience {
    /// Returns them as a list.
    pub fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

impl OidcSection {
    /// Converts to the form that ca-identity works with; `Err` lists what is wrong.
    pub fn to_settings(&self) -> Result<ProviderSettings, Vec<String>> {
        let mut faults = Vec::new();
        let algorithms = self.algorithms(&mut faults);
        let claims = self.claims(&mut faults);
        if !faults.is_empty() {
            return Err(self.named(faults));
        }
        Ok(ProviderSettings {
            name: self.name.clone(),
            issuer: self.issuer.clone(),
            audiences: self.audience.names().to_vec(),
            claims,
            algorithms,
            single_use: self.single_use,
            max_token_lifetime: self.max_token_lifetime.0,
            kind: match self.kind {
                KindSetting::Github => ProviderKind::GitHub,
                KindSetting::Gitlab => ProviderKind::GitLab,
                KindSetting::Kubernetes => ProviderKind::Kubernetes,
                KindSetting::Other => ProviderKind::Other,
            },
        })
    }

    /// Lists what is wrong; `external_url` is this server's own.
    pub(super) fn faults(&self, external_url: &Url) -> Vec<String> {
        let mut faults = Vec::new();
        if !is_name(&self.issuer) {
            faults.push("issuer must not be empty or hold white space".to_owned());
        }
        if self.issuer.trim_end_matches('/') == external_url.as_str().trim_end_matches('/') {
            faults.push("issuer is this server itself, whose tokens need no section".to_owned());
        }
        let audiences = self.audience.names();
        if audiences.is_empty() || !audiences.iter().all(|name| is_name(name)) {
            faults.push("audience must hold at least one name, none empty".to_owned());
        }
        if !(Span::minutes(1)..=Span::hours(24)).contains(&self.max_token_lifetime) {
            faults.push("max_token_lifetime must be 1m to 24h".to_owned());
        }
        faults.extend(self.source_faults());
        let mut faults = self.named(faults);
        if let Err(more) = self.to_settings() {
            faults.extend(more);
        }
        faults
    }

    /// Says whether strangers can log in, which grants then have to keep out one by one.
    pub(super) fn warning(&self) -> Option<String> {
        let example = match self.issuer.as_str() {
            "https://token.actions.githubusercontent.com" => "repository_owner_id",
            "https://gitlab.com" => "namespace_id",
            _ => return None,
        };
        self.claims.is_empty().then(|| {
            format!(
                "oidc {}: anybody can have a token of this issuer; say in claims whose are taken, \
                 such as {{ {example} = \"…\" }}",
                self.name
            )
        })
    }

    fn source_faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.jwks_url.is_some() == self.jwks_file.is_some() {
            faults.push("exactly one of jwks_url and jwks_file is needed".to_owned());
        }
        if self.jwks_ca.is_some() && self.jwks_url.is_none() {
            faults.push("jwks_ca is for jwks_url only".to_owned());
        }
        if !self.jwks_networks.is_empty() && self.jwks_url.is_none() {
            faults.push("jwks_networks is for jwks_url only".to_owned());
        }
        if let Some(fault) = self.jwks_url.as_deref().and_then(url_fault) {
            faults.push(format!("jwks_url {fault}"));
        }
        faults
    }

    fn algorithms(&self, faults: &mut Vec<String>) -> Vec<Algorithm> {
        let mut algorithms = Vec::new();
        for name in &self.algorithms {
            match Algorithm::parse(name) {
                Some(algorithm) => algorithms.push(algorithm),
                None => faults.push(algorithm_fault(name)),
            }
        }
        if self.algorithms.is_empty() {
            faults.push("algorithms must not be empty".to_owned());
        }
        algorithms
    }

    fn claims(&self, faults: &mut Vec<String>) -> BTreeMap<String, Glob> {
        let claims = match ClaimSpec::compile(&self.claims) {
            Ok(claims) => claims,
            Err(more) => {
                faults.extend(more);
                return BTreeMap::new();
            }
        };
        if !claims.is_empty() && !claims.values().any(Glob::has_text) {
            faults.push("claims must ask for some text, or be left out".to_owned());
        }
        claims
    }

    fn named(&self, faults: Vec<String>) -> Vec<String> {
        faults
            .into_iter()
            .map(|fault| format!("oidc {}: {fault}", self.name))
            .collect()
    }
}

fn url_fault(text: &str) -> Option<String> {
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => return Some(format!("is not a URL: {error}")),
    };
    if url.scheme() != "https" {
        let reason = "whoever is on the way could put in keys of their own";
        return Some(format!("must be an https URL: {reason}"));
    }
    let is_bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    (!is_bare).then(|| "must not hold a user name, password or fragment".to_owned())
}

fn algorithm_fault(name: &str) -> String {
    let reason = match name.to_ascii_uppercase().as_str() {
        "HS256" | "HS384" | "HS512" => {
            "is HMAC: its key is a secret that whoever verifies tokens could make tokens with"
        }
        "NONE" => "is no signature: anybody could make such tokens",
        _ => "is not known here",
    };
    let known = Algorithm::ALL.map(Algorithm::name).join(", ");
    format!("algorithm {name:?} {reason}; use some of {known}")
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

const fn one_hour() -> Span {
    Span::hours(1)
}
