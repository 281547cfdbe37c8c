//! Clients with a secret of their own (RFC 6749 §2).

use ca_pki::Timestamp;

use crate::Role;

/// A client as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The id that it logs in with.
    pub id: String,
    /// Argon2id in PHC form.
    pub secret_hash: String,
    /// Its role, if it has one; without one it has only its grants.
    pub role: Option<Role>,
    /// What for, in the operator's words.
    pub comment: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last logged in, to the minute.
    pub last_used_at: Option<Timestamp>,
}
