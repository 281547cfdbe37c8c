//! Sessions: what access tokens and refresh tokens belong to.

use ca_pki::Timestamp;

use crate::Principal;
use crate::store::SecretHash;

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
