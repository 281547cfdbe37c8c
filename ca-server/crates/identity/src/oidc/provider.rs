//! A configured issuer, and what it takes to believe its tokens.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ca_pki::Timestamp;
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::key_cache::{KeyCache, PAUSE};
use super::token::{NOT_KEPT, UnverifiedToken};
use super::{KeySource, KeysUnavailable, times};
use crate::grant::{Glob, missed_claim};
use crate::{Error, LoginFailure, Principal};

/// A configured OpenID Connect issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderSettings {
    /// The name that grants use.
    pub name: String,
    /// Exactly the claim `iss`.
    pub issuer: String,
    /// `aud` must hold one of these.
    pub audiences: Vec<String>,
    /// What every token must have besides, as in grants; empty: nothing.
    pub claims: BTreeMap<String, Glob>,
    /// Which algorithms its tokens may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// Whether each token is good for one use.
    pub single_use: bool,
    /// The longest `exp` - `iat`.
    pub max_token_lifetime: Duration,
    /// How its claims are told to Fulcio's extensions.
    pub kind: ProviderKind,
}

impl ProviderSettings {
    /// Checks that a token has every claim that is asked of all the provider's tokens.
    pub fn check_claims(&self, claims: &Map<String, Value>) -> Result<(), LoginFailure> {
        match missed_claim(&self.claims, claims) {
            Some(name) => Err(LoginFailure::ClaimNotTaken(name.to_owned())),
            None => Ok(()),
        }
    }
}

/// What a provider is, for the names of its claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderKind {
    /// GitHub Actions.
    GitHub,
    /// GitLab CI.
    GitLab,
    /// Kubernetes service accounts.
    Kubernetes,
    /// Anything else, Jenkins for one.
    Other,
}

/// An issuer with its keys.
pub struct Provider {
    settings: ProviderSettings,
    keys: Arc<KeyCache>,
}

/// What a token says, signature, audience and times checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedToken {
    /// Whom it names.
    pub principal: Principal,
    /// Its `jti`.
    pub token_id: Option<String>,
    /// Its `exp`.
    pub expires_at: Timestamp,
}

impl Provider {
    /// Joins settings and the source of keys, which is first read for the first token.
    pub fn new(settings: ProviderSettings, source: Arc<dyn KeySource>) -> Self {
        Self {
            settings,
            keys: Arc::new(KeyCache::new(source)),
        }
    }

    /// Returns the settings.
    pub fn settings(&self) -> &ProviderSettings {
        &self.settings
    }

    /// Checks everything about a token but that it was not used before.
    pub async fn verify(&self, unverified: &str, now: Timestamp) -> Result<VerifiedToken, Error> {
        let token = UnverifiedToken::parse(unverified)?;
        self.verify_parsed(token, now).await
    }

    /// As [`Self::verify`]. The signature comes before the claims: what the audit log then says
    /// of a token is about one that the issuer made.
    pub(super) async fn verify_parsed(
        &self,
        token: UnverifiedToken<'_>,
        now: Timestamp,
    ) -> Result<VerifiedToken, Error> {
        if token.issuer()? != self.settings.issuer {
            return Err(LoginFailure::UnknownIssuer.into());
        }
        let algorithm = Algorithm::parse(&token.alg)
            .filter(|algorithm| self.settings.algorithms.contains(algorithm))
            .ok_or(LoginFailure::AlgorithmNotAllowed)?;
        self.verify_signature(&token, algorithm, now).await?;
        Ok(self.accept(token.claims, now)?)
    }

    async fn verify_signature(
        &self,
        token: &UnverifiedToken<'_>,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<(), Error> {
        let keys = self.keys.keys(now).await.map_err(unavailable)?;
        match keys.verify(token, algorithm) {
            // The issuer may have a new key.
            Err(LoginFailure::UnknownKey) => {
                let keys = self.keys.keys_read_again(now).await.map_err(unavailable)?;
                Ok(keys.verify(token, algorithm)?)
            }
            judged => Ok(judged?),
        }
    }

    fn accept(
        &self,
        mut claims: Map<String, Value>,
        now: Timestamp,
    ) -> Result<VerifiedToken, LoginFailure> {
        if !self.is_audience(claims.get("aud")) {
            return Err(LoginFailure::WrongAudience);
        }
        let expires_at = times::check(&claims, self.settings.max_token_lifetime, now)?;
        self.settings.check_claims(&claims)?;
        let token_id = match claims.get("jti") {
            Some(id) => Some(plain_text(id, MAX_TOKEN_ID_BYTES).ok_or(BAD_TOKEN_ID)?),
            None => None,
        };
        let subject = claims
            .get("sub")
            .and_then(|subject| plain_text(subject, MAX_SUBJECT_BYTES))
            // Actors are written as `NAME via ACCOUNT`: nobody's name may read as that.
            .filter(|subject| !subject.contains(" via "))
            .ok_or(BAD_SUBJECT)?;
        for name in NOT_KEPT {
            claims.remove(name);
        }
        Ok(VerifiedToken {
            principal: Principal::Oidc {
                provider: self.settings.name.clone(),
                subject,
                claims,
            },
            token_id,
            expires_at,
        })
    }

    /// RFC 7519 §4.1.3: one name or several, each compared exactly.
    fn is_audience(&self, unverified: Option<&Value>) -> bool {
        let is_ours = |name: &str| self.settings.audiences.iter().any(|ours| ours == name);
        match unverified {
            Some(Value::String(name)) => is_ours(name),
            Some(Value::Array(names)) => {
                let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
                names.is_some_and(|names| names.into_iter().any(is_ours))
            }
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
                false
            }
        }
    }

    fn reads_same_keys(&self, other: &Self) -> bool {
        self.settings.issuer == other.settings.issuer
            && self.keys.source_name() == other.keys.source_name()
    }
}

/// Lets new providers use the keys that known ones hold: a reload while an issuer is away must not
/// turn its tokens down.
pub(crate) fn keep_known_keys(fresh: &mut [Arc<Provider>], known: &[Arc<Provider>]) {
    for provider in fresh {
        if let Some(known) = known.iter().find(|known| known.reads_same_keys(provider)) {
            *provider = Arc::new(Provider {
                settings: provider.settings.clone(),
                keys: Arc::clone(&known.keys),
            });
        }
    }
}

fn unavailable(failure: KeysUnavailable) -> Error {
    Error::Unavailable {
        retry_after: PAUSE,
        source: Box::new(failure),
    }
}

/// Takes text that can stand in rows, names and logs: some, not too much, no control characters.
fn plain_text(value: &Value, max_bytes: usize) -> Option<String> {
    let text = value.as_str()?;
    let is_plain = (1..=max_bytes).contains(&text.len()) && !text.chars().any(char::is_control);
    is_plain.then(|| text.to_owned())
}

const BAD_SUBJECT: LoginFailure =
    LoginFailure::Malformed("its sub is missing or no text that can be a name");
const BAD_TOKEN_ID: LoginFailure = LoginFailure::Malformed("its jti is no text that can be an id");
const MAX_SUBJECT_BYTES: usize = 1_024;
const MAX_TOKEN_ID_BYTES: usize = 255;
