//! Sessions and their refresh tokens.

use std::time::Duration;

use ca_issuance::LedgerError;
use ca_issuance::audit::Event;
use ca_pki::Timestamp;

use super::{State, Use};
use crate::Principal;
use crate::client::Client;
use crate::session::{RefreshToken, Rotation, Session};
use crate::store::SecretHash;

impl State {
    /// Opens a session, unless its client is gone.
    pub(super) fn open(
        &mut self,
        session: Session,
        refresh: Option<RefreshToken>,
        event: Event,
    ) -> Result<(), LedgerError> {
        let client = client_of(&session);
        let is_gone = client.is_some_and(|id| !self.clients.contains_key(id));
        let is_foreign = |token: &RefreshToken| token.session != session.id;
        if is_gone
            || refresh.as_ref().is_some_and(is_foreign)
            || self.sessions.contains_key(&session.id)
        {
            return Err(LedgerError::Conflict);
        }
        if let Some(token) = refresh {
            self.add_refresh_token(token)?;
        }
        if let Some(client) = client.and_then(|id| self.clients.get_mut(id)) {
            note_login(client, event.at);
        }
        self.sessions.insert(session.id.clone(), session);
        self.events.push(event);
        Ok(())
    }

    /// Uses a refresh token; the second use ends its session.
    pub(super) fn rotate(
        &mut self,
        used: &SecretHash,
        next: RefreshToken,
        event: Event,
        replayed: Event,
    ) -> Result<Rotation, LedgerError> {
        let Some((token, standing)) = self.refresh_tokens.get(used).cloned() else {
            return Ok(Rotation::Refused);
        };
        if token.session != next.session {
            return Err(LedgerError::Conflict);
        }
        if standing == Use::Used {
            return Ok(match self.end_session(&token.session, replayed) {
                true => Rotation::Replayed,
                false => Rotation::Refused,
            });
        }
        let session = self.sessions.get(&token.session);
        let is_open = session.is_some_and(|session| is_open(session, event.at));
        if !is_open || token.expires_at <= event.at {
            return Ok(Rotation::Refused);
        }
        self.add_refresh_token(next)?;
        self.refresh_tokens.insert(*used, (token, Use::Used));
        self.events.push(event);
        Ok(Rotation::Rotated)
    }

    /// Ends a session that has not ended; tells whether it did.
    pub(super) fn end_session(&mut self, id: &str, event: Event) -> bool {
        let session = self.sessions.get_mut(id);
        let Some(session) = session.filter(|session| is_open(session, event.at)) else {
            return false;
        };
        session.revoked_at = Some(event.at);
        self.events.push(event);
        true
    }

    /// Ends the sessions of a client.
    pub(super) fn end_sessions_of(&mut self, client: &str, at: Timestamp) {
        for session in self.sessions.values_mut() {
            if client_of(session) == Some(client) {
                session.revoked_at.get_or_insert(at);
            }
        }
    }

    fn add_refresh_token(&mut self, token: RefreshToken) -> Result<(), LedgerError> {
        let hash = token.hash;
        if self.refresh_tokens.contains_key(&hash) {
            return Err(LedgerError::Conflict);
        }
        self.refresh_tokens.insert(hash, (token, Use::Unused));
        Ok(())
    }
}

fn client_of(session: &Session) -> Option<&str> {
    match &session.principal {
        Principal::Client { id, .. } => Some(id),
        Principal::Oidc { .. } | Principal::Certificate { .. } | Principal::Operator { .. } => None,
    }
}

fn note_login(client: &mut Client, at: Timestamp) {
    let noted_every = Duration::from_secs(60);
    if client
        .last_used_at
        .is_none_or(|last| last <= at.minus(noted_every))
    {
        client.last_used_at = Some(at);
    }
}

fn is_open(session: &Session, at: Timestamp) -> bool {
    session.revoked_at.is_none() && at < session.expires_at
}
