//! External account keys (RFC 8555 §7.3.4).

mod binding;

use std::sync::Arc;

use ca_identity::Principal;
use ca_pki::Timestamp;
use secrecy::SecretSlice;

pub(crate) use binding::Binding;

/// A key that binds ACME accounts to accounts elsewhere.
#[derive(Debug)]
pub struct ExternalAccountKey {
    /// The key identifier that the client puts into `kid`.
    pub kid: String,
    /// The HMAC key, 32 octets or more.
    pub mac_key: SecretSlice<u8>,
    /// The only directory that it works in; `None`: in each.
    pub directory: Option<String>,
    /// What for, in the operator's words.
    pub comment: String,
    /// For whom accounts act that are bound with it; `None`: for themselves.
    pub principal: Option<Arc<Principal>>,
    /// Whether one binding uses it up.
    pub single_use: bool,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When an account was first bound with it.
    pub used_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl ExternalAccountKey {
    /// Tells whether one more account of the directory may be bound with the key.
    pub fn may_bind(&self, directory: &str, now: Timestamp) -> bool {
        let here = self
            .directory
            .as_deref()
            .is_none_or(|only| only == directory);
        let used_up = self.single_use && self.used_at.is_some();
        let expired = self.expires_at.is_some_and(|end| end <= now);
        here && !used_up && !expired && self.revoked_at.is_none()
    }
}
