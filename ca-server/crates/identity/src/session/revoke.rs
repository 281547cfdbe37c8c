//! Sessions end by request (RFC 7009).

use std::net::IpAddr;

use super::Session;
use crate::client::AuthenticatedClient;
use crate::{Access, Error, LoginFailure, Principal, secret};

impl Access {
    /// Ends the session of an access or refresh token, and with it every token of the session. A
    /// token that is unknown, or ended before, is success (RFC 7009 §2.2).
    ///
    /// A client's token is ended by that client only: without authentication it is
    /// [`LoginFailure::WrongSecret`], by another [`LoginFailure::NotOfThisClient`]. What was
    /// exchanged for a CI system's token is ended by whoever holds it.
    pub async fn revoke_token(
        &self,
        client: Option<AuthenticatedClient>,
        unverified_token: &str,
        address: IpAddr,
    ) -> Result<(), Error> {
        let Some(session) = self.session_of_any_token(unverified_token).await? else {
            return Ok(());
        };
        require_owner(&session, client)?;
        let event = self.session_revoked(&session, ("revoked by its holder", address));
        // `false`: it has ended meanwhile, which is what was asked for.
        let _ended_now = self.store.revoke_session(&session.id, event).await?;
        Ok(())
    }

    async fn session_of_any_token(&self, unverified_token: &str) -> Result<Option<Session>, Error> {
        match self.access_tokens.verify_signature(unverified_token) {
            Ok(claims) => Ok(self.store.session(&claims.sid).await?),
            Err(_no_access_token) => {
                let hash = secret::hash(unverified_token);
                Ok(self.store.session_of_refresh_token(&hash).await?)
            }
        }
    }
}

fn require_owner(session: &Session, client: Option<AuthenticatedClient>) -> Result<(), Error> {
    let is_client = matches!(session.principal, Principal::Client { .. });
    match client.map(AuthenticatedClient::into_principal) {
        None if is_client => Err(Error::Unauthenticated(LoginFailure::WrongSecret)),
        Some(client) if session.principal.name() != client.name() => {
            Err(Error::Unauthenticated(LoginFailure::NotOfThisClient))
        }
        None | Some(_) => Ok(()),
    }
}
