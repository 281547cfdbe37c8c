//! Bearer tokens (RFC 6750): which kind one is, and whether it is good.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::authenticate::{ACCESS_TOKEN, CI_TOKEN, OPERATOR_TOKEN, Shown};
use crate::operator::OPERATOR_TOKEN_PREFIX;
use crate::{Access, Credential, Error, LoginFailure, Principal, secret};

/// What tells tokens apart, before anything of them is verified.
enum Kind {
    Operator,
    Access,
    Ci(UnverifiedClaims),
    Unknown,
}

#[derive(Default, Deserialize)]
struct UnverifiedClaims {
    #[serde(default)]
    iss: String,
    #[serde(default)]
    sub: String,
}

impl Access {
    pub(super) async fn recognize_bearer(
        &self,
        unverified_token: &str,
        unverified_certificate: Option<&[u8]>,
    ) -> Result<Shown, Error> {
        match self.kind_of(unverified_token) {
            Kind::Operator => self.recognize_operator(unverified_token).await,
            Kind::Access => {
                self.recognize_access_token(unverified_token, unverified_certificate)
                    .await
            }
            Kind::Ci(_) => Ok(Shown {
                principal: self.verify_ci_token(unverified_token).await?.principal,
                credential: Credential::CiToken,
            }),
            Kind::Unknown => Err(Error::Unauthenticated(LoginFailure::UnknownToken)),
        }
    }

    /// Names a refused token for the audit log by what it says of itself.
    pub(crate) fn describe_bearer(&self, unverified_token: &str) -> (&'static str, String) {
        match self.kind_of(unverified_token) {
            Kind::Operator => (OPERATOR_TOKEN, String::new()),
            Kind::Access => (ACCESS_TOKEN, String::new()),
            Kind::Ci(claims) => (CI_TOKEN, format!("{} {}", claims.iss, claims.sub)),
            Kind::Unknown => ("unknown", String::new()),
        }
    }

    fn kind_of(&self, unverified_token: &str) -> Kind {
        if unverified_token.starts_with(OPERATOR_TOKEN_PREFIX) {
            return Kind::Operator;
        }
        if unverified_token.split('.').count() != 3 {
            return Kind::Unknown;
        }
        let claims = unverified_claims(unverified_token).unwrap_or_default();
        match claims.iss == self.access_tokens.issuer() {
            true => Kind::Access,
            false => Kind::Ci(claims),
        }
    }

    async fn recognize_operator(&self, unverified_token: &str) -> Result<Shown, Error> {
        let refused = |failure| Err(Error::Unauthenticated(failure));
        let hash = secret::hash(unverified_token);
        let Some(token) = self.store.operator_token(&hash).await? else {
            return refused(LoginFailure::UnknownToken);
        };
        if token.revoked_at.is_some() {
            return refused(LoginFailure::Revoked);
        }
        let now = self.corridor.clock().now();
        if token.expires_at.is_some_and(|end| end <= now) {
            return refused(LoginFailure::Expired);
        }
        Ok(Shown {
            principal: Principal::Operator {
                name: token.name,
                role: token.role,
                token: Some(token.id.clone()),
            },
            credential: Credential::OperatorToken { id: token.id },
        })
    }

    async fn recognize_access_token(
        &self,
        unverified_token: &str,
        unverified_certificate: Option<&[u8]>,
    ) -> Result<Shown, Error> {
        let now = self.corridor.clock().now();
        let claims = self
            .access_tokens
            .verify(unverified_token, now)
            .map_err(Error::Unauthenticated)?;
        let session = self.open_session_of(&claims, now).await?;
        self.require_binding(&session, unverified_certificate)
            .await?;
        Ok(Shown {
            principal: session.principal,
            credential: Credential::AccessToken {
                session: session.id,
            },
        })
    }
}

/// Reads the payload of something in three parts (RFC 7515 §7.1).
fn unverified_claims(unverified_token: &str) -> Option<UnverifiedClaims> {
    let payload = unverified_token.split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    serde_json::from_slice(&payload).ok()
}
