//! Refresh tokens: each is good once, and a second use ends everything that came of the first.

use std::net::IpAddr;

use ca_issuance::Actor;
use ca_issuance::audit::{Event, EventKind};
use serde_json::json;

use super::open::details;
use super::{Peer, Rotation, Session, Tokens};
use crate::access::audit::{FailedLogin, count_login};
use crate::client::AuthenticatedClient;
use crate::{Access, Error, LoginFailure, Principal, secret};

impl Access {
    /// Gives the next tokens for a refresh token (RFC 6749 §6). [`Error::Unauthenticated`] is
    /// about that token.
    ///
    /// A token that was used before ends its session (RFC 9700 §4.14.2), for nobody can tell
    /// whether the thief or the owner came first. That holds for two uses at the same moment too:
    /// one gets tokens, the other ends them. The owner has its secret and logs in again.
    pub async fn token_by_refresh(
        &self,
        client: AuthenticatedClient,
        unverified_refresh_token: &str,
        peer: Peer<'_>,
    ) -> Result<Tokens, Error> {
        let principal = client.into_principal();
        match self
            .refresh(&principal, unverified_refresh_token, peer)
            .await
        {
            Err(Error::Unauthenticated(failure)) => {
                self.note_failed_login(FailedLogin {
                    credential: REFRESH_TOKEN,
                    unverified_name: &principal.name(),
                    address: peer.address,
                    failure: &failure,
                })
                .await?;
                Err(Error::Unauthenticated(failure))
            }
            outcome => outcome,
        }
    }

    async fn refresh(
        &self,
        principal: &Principal,
        unverified_refresh_token: &str,
        peer: Peer<'_>,
    ) -> Result<Tokens, Error> {
        let refused = |failure| Err(Error::Unauthenticated(failure));
        let hash = secret::hash(unverified_refresh_token);
        let Some(session) = self.store.session_of_refresh_token(&hash).await? else {
            return refused(LoginFailure::UnknownToken);
        };
        // Another client's token is not used up: whoever sends it has no right to end it.
        if session.principal.name() != principal.name() {
            return refused(LoginFailure::NotOfThisClient);
        }
        let now = self.corridor.clock().now();
        session.require_open(now).map_err(Error::Unauthenticated)?;
        self.require_binding(&session, peer.unverified_certificate)
            .await?;

        let (access_token, expires_in) = self.sign_for(&session)?;
        let (refresh_token, next) = self.new_refresh_token(&session)?;
        let event = self.login_succeeded(principal, details(&session, peer, REFRESH_TOKEN));
        let replayed = self.session_revoked(&session, ("refresh token replayed", peer.address));
        let rotated = self
            .store
            .rotate_refresh_token(&hash, next, event, replayed);
        match rotated.await? {
            Rotation::Rotated => {}
            Rotation::Replayed => return refused(LoginFailure::Replayed),
            Rotation::Refused => return refused(LoginFailure::Revoked),
        }
        count_login(REFRESH_TOKEN, "succeeded");
        Ok(Tokens {
            access_token,
            expires_in,
            refresh_token: Some(refresh_token),
        })
    }

    pub(super) fn session_revoked(
        &self,
        session: &Session,
        (reason, address): (&'static str, IpAddr),
    ) -> Event {
        Event {
            at: self.corridor.clock().now(),
            kind: EventKind::SessionRevoked,
            actor: Actor::Identity {
                name: session.principal.name(),
                via: None,
            },
            subject: session.id.clone(),
            details: json!({ "reason": reason, "address": address.to_string() }),
        }
    }
}

const REFRESH_TOKEN: &str = "refresh-token";
