//! Tokens of OpenID Connect issuers: CI systems and clusters.

use std::time::Duration;

use async_trait::async_trait;
use ca_pki::Timestamp;

use crate::{Access, Error, LoginFailure, Principal};

/// Where a provider's key set (RFC 7517) is read from.
#[async_trait]
pub trait KeySource: Send + Sync {
    /// Reads the key set as JSON text. Called at a bounded rate; has a deadline of its own.
    async fn fetch(&self) -> Result<String, KeysUnavailable>;
}

/// The key set cannot be read now.
#[derive(Debug, thiserror::Error)]
#[error("the key set cannot be read: {0}")]
pub struct KeysUnavailable(pub String);

/// A configured OpenID Connect issuer.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// The name that grants use.
    pub name: String,
    /// Exactly the claim `iss`.
    pub issuer: String,
    /// `aud` must hold one of these.
    pub audiences: Vec<String>,
    /// Which algorithms its tokens may be signed with.
    pub algorithms: Vec<jsonwebtoken::Algorithm>,
    /// Whether each token is good for one use.
    pub single_use: bool,
    /// The longest `exp` - `iat`.
    pub max_token_lifetime: Duration,
    /// How its claims are told to Fulcio's extensions.
    pub kind: ProviderKind,
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
    /// Anything else, Jenkins for one: no claims become extensions.
    Other,
}

/// A token of a configured provider that was found good.
#[derive(Clone, Debug)]
pub struct CiToken {
    /// Whose it is.
    pub principal: Principal,
    /// Its claim `exp`: nothing made of it lives longer.
    pub expires_at: Timestamp,
}

impl Access {
    /// Verifies a token of a configured provider; one for single use is used up by it.
    pub(crate) async fn verify_ci_token(&self, _unverified_token: &str) -> Result<CiToken, Error> {
        Err(Error::Unauthenticated(LoginFailure::UnknownIssuer))
    }
}
