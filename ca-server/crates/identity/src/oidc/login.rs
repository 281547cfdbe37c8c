//! Tokens of CI systems as credentials of this server.

use std::sync::Arc;

use ca_issuance::entitlement::ClaimExtension;

use super::token::UnverifiedToken;
use super::{Provider, VerifiedToken, ci_claims, times};
use crate::{Access, Error, LoginFailure, Principal};

impl Access {
    /// Checks a CI system's token, and uses it up where its issuer's tokens are for single use.
    pub async fn verify_ci_token(&self, unverified: &str) -> Result<VerifiedToken, Error> {
        let token = UnverifiedToken::parse(unverified)?;
        let issuer = token.issuer()?;
        let provider = self
            .provider(|provider| provider.settings().issuer == issuer)
            .ok_or(LoginFailure::UnknownIssuer)?;
        let now = self.corridor.clock().now();
        let verified = provider.verify_parsed(token, now).await?;
        if provider.settings().single_use {
            self.use_up(&provider, &verified).await?;
        }
        Ok(verified)
    }

    /// Returns what a principal's token said of its job, as extensions of a certificate. None if
    /// it did not come by a token, or its provider is no longer configured.
    pub fn ci_claims(&self, principal: &Principal) -> Vec<ClaimExtension> {
        match principal {
            Principal::Oidc {
                provider, claims, ..
            } => self
                .provider(|known| known.settings().name == *provider)
                .map(|known| ci_claims(claims, known.settings().kind))
                .unwrap_or_default(),
            Principal::Client { .. }
            | Principal::Certificate { .. }
            | Principal::Operator { .. } => Vec::new(),
        }
    }

    fn provider(&self, is_meant: impl Fn(&Provider) -> bool) -> Option<Arc<Provider>> {
        let rules = self.rules.load();
        let mut providers = rules.providers.iter();
        providers.find(|provider| is_meant(provider)).cloned()
    }

    async fn use_up(&self, provider: &Provider, token: &VerifiedToken) -> Result<(), Error> {
        let id = token
            .token_id
            .as_deref()
            .ok_or(LoginFailure::TokenIdMissing)?;
        // For as long as the token would be taken, the note must be there.
        let until = token.expires_at.plus(times::SKEW);
        let name = &provider.settings().name;
        if self.store.use_token(name, id, until).await? {
            return Ok(());
        }
        Err(LoginFailure::Replayed.into())
    }
}
