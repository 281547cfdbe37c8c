//! Sessions: what access tokens and refresh tokens belong to.

mod access_token;
pub(crate) mod open;
mod refresh;
mod revoke;
mod standing;

use std::net::IpAddr;
use std::time::Duration;

use ca_pki::Timestamp;
use secrecy::SecretString;

pub(crate) use self::access_token::AccessTokens;
pub use self::open::AuthenticatedSubject;
use crate::store::SecretHash;
use crate::{Principal, secret};

/// A login that access tokens refer to. Ending it ends every token of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Unguessable.
    pub id: String,
    /// Who.
    pub principal: Principal,
    /// SHA-256 of the client certificate that it is bound to (RFC 8705).
    pub certificate_thumbprint: Option<[u8; 32]>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When it was ended.
    pub revoked_at: Option<Timestamp>,
}

/// A refresh token as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// SHA-256 of the token.
    pub hash: SecretHash,
    /// The session's id.
    pub session: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What became of a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// Used up; the next one is stored.
    Rotated,
    /// It was used before: its session is ended now.
    Replayed,
    /// Unknown, expired, or its session has ended.
    Refused,
}

/// What a login is answered with.
#[derive(Debug)]
pub struct Tokens {
    /// Opens requests.
    pub access_token: SecretString,
    /// How long the access token lives.
    pub expires_in: Duration,
    /// Gets the next tokens, once.
    pub refresh_token: Option<SecretString>,
}

/// The other end of a connection that asks for tokens.
#[derive(Clone, Copy, Debug)]
pub struct Peer<'a> {
    /// The client certificate in DER; the handshake proved that the peer holds its key. Tokens
    /// given out here are bound to it, whoever issued it (RFC 8705 §3).
    pub unverified_certificate: Option<&'a [u8]>,
    /// Where from.
    pub address: IpAddr,
}

impl Peer<'_> {
    fn thumbprint(&self) -> Option<[u8; 32]> {
        self.unverified_certificate.map(secret::sha256)
    }
}

#[cfg(test)]
mod tests;
