//! Sessions begin: with a client's secret, or with a token of a CI system.

use std::time::Duration;

use ca_issuance::LedgerError;
use ca_pki::{Timestamp, hex};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::access_token::LIFETIME;
use super::{Peer, RefreshToken, Session, Tokens};
use crate::access::audit::{FailedLogin, count_login};
use crate::client::AuthenticatedClient;
use crate::oidc::VerifiedToken;
use crate::{Access, Error, LoginFailure, Principal, secret};

/// A CI system's token that was good a moment ago; good for one exchange.
#[derive(Debug)]
pub struct AuthenticatedSubject(VerifiedToken);

impl AuthenticatedSubject {
    /// Returns the name of its principal.
    pub fn name(&self) -> String {
        self.0.principal.name()
    }
}

impl Access {
    /// Opens a session for a client (RFC 6749 §4.4), with a refresh token: the session lasts up
    /// to twelve hours.
    pub async fn token_by_client_credentials(
        &self,
        client: AuthenticatedClient,
        peer: Peer<'_>,
    ) -> Result<Tokens, Error> {
        let now = self.corridor.clock().now();
        let session = self.new_session(client.into_principal(), peer, now.plus(CLIENT_SESSION))?;
        let next = self.new_refresh_token(&session)?;
        self.open(session, Some(next), (peer, CLIENT_SECRET)).await
    }

    /// Checks a CI system's token that is to be exchanged. [`Error::Unauthenticated`] is about
    /// that token.
    pub async fn authenticate_subject(
        &self,
        unverified_subject_token: &str,
        peer: Peer<'_>,
    ) -> Result<AuthenticatedSubject, Error> {
        let now = self.corridor.clock().now();
        match self.subject_of(unverified_subject_token, now).await {
            Err(Error::Unauthenticated(failure)) => {
                let (_, unverified_name) = self.describe_bearer(unverified_subject_token);
                self.note_failed_login(FailedLogin {
                    credential: EXCHANGE,
                    unverified_name: &unverified_name,
                    address: peer.address,
                    failure: &failure,
                })
                .await?;
                Err(Error::Unauthenticated(failure))
            }
            outcome => outcome.map(AuthenticatedSubject),
        }
    }

    /// Exchanges a CI system's token for an access token (RFC 8693). There is no refresh token,
    /// and the session ends with the CI token if that ends within fifteen minutes: nothing
    /// outlives the proof that it was made from.
    pub async fn token_by_exchange(
        &self,
        AuthenticatedSubject(token): AuthenticatedSubject,
        peer: Peer<'_>,
    ) -> Result<Tokens, Error> {
        let now = self.corridor.clock().now();
        let ends = token.expires_at.min(now.plus(LIFETIME));
        let session = self.new_session(token.principal, peer, ends)?;
        self.open(session, None, (peer, EXCHANGE)).await
    }

    async fn subject_of(
        &self,
        unverified_token: &str,
        now: Timestamp,
    ) -> Result<VerifiedToken, Error> {
        let token = self.verify_ci_token(unverified_token).await?;
        // Within the skew that providers are allowed, a token may be past its end.
        if token.expires_at <= now {
            return Err(Error::Unauthenticated(LoginFailure::Expired));
        }
        Ok(token)
    }

    async fn open(
        &self,
        session: Session,
        refresh: Option<(SecretString, RefreshToken)>,
        (peer, credential): (Peer<'_>, &'static str),
    ) -> Result<Tokens, Error> {
        let (access_token, expires_in) = self.sign_for(&session)?;
        let (refresh_token, stored) = refresh.unzip();
        let details = details(&session, peer, credential);
        let event = self.login_succeeded(&session.principal, details);
        match self.store.open_session(session, stored, event).await {
            Ok(()) => {}
            // The client was removed while its secret was being checked.
            Err(LedgerError::Conflict) => {
                return Err(Error::Unauthenticated(LoginFailure::WrongSecret));
            }
            Err(error) => return Err(error.into()),
        }
        count_login(credential, "succeeded");
        Ok(Tokens {
            access_token,
            expires_in,
            refresh_token,
        })
    }

    pub(super) fn sign_for(&self, session: &Session) -> Result<(SecretString, Duration), Error> {
        let id = secret::draw_id(self.corridor.entropy().as_ref())?;
        let now = self.corridor.clock().now();
        self.access_tokens.sign(session, id, now)
    }

    pub(super) fn new_refresh_token(
        &self,
        session: &Session,
    ) -> Result<(SecretString, RefreshToken), Error> {
        let text = secret::draw(REFRESH_TOKEN_PREFIX, self.corridor.entropy().as_ref())?;
        let stored = RefreshToken {
            hash: secret::hash(text.expose_secret()),
            session: session.id.clone(),
            expires_at: session.expires_at,
        };
        Ok((text, stored))
    }

    fn new_session(
        &self,
        principal: Principal,
        peer: Peer<'_>,
        expires_at: Timestamp,
    ) -> Result<Session, Error> {
        Ok(Session {
            id: secret::draw_id(self.corridor.entropy().as_ref())?,
            principal,
            certificate_thumbprint: peer.thumbprint(),
            created_at: self.corridor.clock().now(),
            expires_at,
            revoked_at: None,
        })
    }
}

/// Returns what the audit log says of a login beside who it was.
pub(super) fn details(session: &Session, peer: Peer<'_>, credential: &'static str) -> Value {
    let bound_to = session
        .certificate_thumbprint
        .map(|thumbprint| hex::lower(&thumbprint));
    json!({
        "credential": credential,
        "session": session.id,
        "address": peer.address.to_string(),
        "certificate_sha256": bound_to,
    })
}

/// A working day: whoever needs more shows the secret again.
const CLIENT_SESSION: Duration = Duration::from_secs(12 * 60 * 60);
/// What refresh tokens begin with.
pub(crate) const REFRESH_TOKEN_PREFIX: &str = "car_";
const CLIENT_SECRET: &str = "client-secret";
const EXCHANGE: &str = "token-exchange";
