//! Tokens of OpenID Connect issuers: CI systems and clusters.
//!
//! A token is believed if a configured [`Provider`] issued it for this server, lately, and signed
//! it with a key and an algorithm that are fitting and configured (RFC 8725). Nothing in a token
//! chooses keys or algorithms: `jku`, `jwk`, `x5u` and `x5c` are never looked at.

mod algorithm;
mod extension;
mod key_cache;
mod key_set;
mod login;
mod provider;
mod times;
mod token;

use std::time::Duration;

use async_trait::async_trait;

pub use algorithm::Algorithm;
pub use extension::ci_claims;
pub use key_set::{KeySet, KeySetFault};
pub use provider::{Provider, ProviderKind, ProviderSettings, VerifiedToken};
pub use token::{unverified_issuer, unverified_principal};

pub(crate) use provider::keep_known_keys;

/// Where a provider's key set (RFC 7517) is read from.
#[async_trait]
pub trait KeySource: Send + Sync {
    /// Reads the key set as JSON text. Called at a bounded rate, never twice at a time; has a
    /// deadline of its own.
    async fn fetch(&self) -> Result<String, KeysUnavailable>;

    /// Names the source, for logs; sources of one name read the same keys.
    fn name(&self) -> String;

    /// Returns how long a key set that was read may be used before it is read again.
    fn fresh_for(&self) -> Duration {
        Duration::from_secs(3_600)
    }
}

/// The key set cannot be read now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key set cannot be read: {0}")]
pub struct KeysUnavailable(pub String);

#[cfg(test)]
mod tests;
