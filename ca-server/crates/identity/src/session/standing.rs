//! Whether a session still stands: asked for each request that shows a token of it.

use ca_issuance::world::CLOCKS_APART;
use ca_pki::Timestamp;
use subtle::ConstantTimeEq;

use super::Session;
use super::access_token::Claims;
use crate::{Access, Error, LoginFailure, secret};

impl Session {
    /// Refuses a session that was ended or has run out.
    pub(crate) fn require_open(&self, now: Timestamp) -> Result<(), LoginFailure> {
        if self.revoked_at.is_some() {
            return Err(LoginFailure::Revoked);
        }
        if self.expires_at <= now {
            return Err(LoginFailure::Expired);
        }
        // Opened while the clock was ahead: it would stay open until that time comes.
        if self.created_at > now.plus(CLOCKS_APART) {
            return Err(LoginFailure::NotYetValid);
        }
        Ok(())
    }
}

impl Access {
    /// Reads the session that a verified access token names, if it is open.
    pub(crate) async fn open_session_of(
        &self,
        claims: &Claims,
        now: Timestamp,
    ) -> Result<Session, Error> {
        let session = self.store.session(&claims.sid).await?;
        // Ended sessions are cleared away one day: a token that lost its session has ended too.
        let session = session.ok_or(Error::Unauthenticated(LoginFailure::Revoked))?;
        session.require_open(now).map_err(Error::Unauthenticated)?;
        if !claims.agree_with(&session) {
            let text = "it contradicts its session";
            return Err(Error::Unauthenticated(LoginFailure::Malformed(text)));
        }
        Ok(session)
    }

    /// Demands the certificate that the session is bound to (RFC 8705 §3), unrevoked if it is one
    /// of ours: who revokes a stolen key ends what was bound to it.
    pub(crate) async fn require_binding(
        &self,
        session: &Session,
        unverified_certificate: Option<&[u8]>,
    ) -> Result<(), Error> {
        let Some(bound_to) = session.certificate_thumbprint else {
            return Ok(());
        };
        let unbound = Error::Unauthenticated(LoginFailure::NotBound);
        let Some(unverified_der) = unverified_certificate else {
            return Err(unbound);
        };
        if !bool::from(bound_to.ct_eq(&secret::sha256(unverified_der))) {
            return Err(unbound);
        }
        if self.is_revoked(unverified_der).await? {
            return Err(Error::Unauthenticated(LoginFailure::CertificateRevoked));
        }
        Ok(())
    }
}
