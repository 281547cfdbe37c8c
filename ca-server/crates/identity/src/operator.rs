//! Operators: who has a role, by token or by rule.

use ca_pki::Timestamp;

use crate::Role;
use crate::grant::Who;
use crate::store::SecretHash;

/// A configured rule that gives a role: `[[operator]]`.
#[derive(Clone, Debug)]
pub struct OperatorRule {
    /// For logs and events.
    pub name: String,
    /// Which role.
    pub role: Role,
    /// To whom.
    pub who: Who,
}

/// An operator token as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorToken {
    /// For lists and revocation; not the secret.
    pub id: String,
    /// SHA-256 of the token.
    pub hash: SecretHash,
    /// Whose.
    pub name: String,
    /// Which role.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}
