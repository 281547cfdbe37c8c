//! External account keys (RFC 8555 §7.3.4).

mod binding;
mod keep;
mod list;
mod mint;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_identity::Principal;
use ca_issuance::audit::{Event, EventKind};
use ca_issuance::world::NoEntropy;
use ca_issuance::{Actor, Entropy};
use ca_pki::{Timestamp, hex};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde_json::json;

pub use list::{KeyList, KeyQuery};
pub use mint::{MintRequest, Minted, USUAL_LIFETIME};

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

/// What a new key is for.
#[derive(Debug, Default)]
pub struct NewExternalAccountKey {
    /// The only directory that it works in; `None`: in each.
    pub directory: Option<String>,
    /// What for, in the operator's words.
    pub comment: String,
    /// For whom accounts act that are bound with it.
    pub principal: Option<Principal>,
    /// Whether one binding uses it up.
    pub single_use: bool,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

impl NewExternalAccountKey {
    /// Draws identifier and MAC key.
    pub fn draw(
        self,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<ExternalAccountKey, NoEntropy> {
        let (mut kid, mut mac_key) = ([0; KID_BYTES], vec![0; MAC_KEY_BYTES]);
        entropy.fill(&mut kid)?;
        entropy.fill(&mut mac_key)?;
        // Without the top bit the text begins with a letter: with `-` it would look like an option.
        if let Some(first) = mac_key.first_mut() {
            *first &= 0x7f;
        }
        Ok(ExternalAccountKey {
            kid: hex::lower(&kid),
            mac_key: SecretSlice::from(mac_key),
            directory: self.directory,
            comment: self.comment,
            principal: self.principal.map(Arc::new),
            single_use: self.single_use,
            expires_at: self.expires_at,
            revoked_at: None,
            used_at: None,
            created_at: now,
        })
    }
}

impl ExternalAccountKey {
    /// Returns the MAC key as clients take it: base64url without padding.
    pub fn mac_key_text(&self) -> SecretString {
        SecretString::from(URL_SAFE_NO_PAD.encode(self.mac_key.expose_secret()))
    }

    /// Returns the event of its creation.
    pub fn created(&self, by: Actor) -> Event {
        Event {
            at: self.created_at,
            kind: EventKind::ExternalAccountKeyCreated,
            actor: by,
            subject: self.kid.clone(),
            details: json!({
                "directory": self.directory,
                "comment": self.comment,
                "principal": self.principal.as_deref().map(Principal::name),
                "single_use": self.single_use,
                "expires_at": self.expires_at.map(|end| end.to_string()),
            }),
        }
    }

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

/// Returns the event of a key's revocation.
pub fn revoked(kid: &str, by: Actor, at: Timestamp) -> Event {
    Event {
        at,
        kind: EventKind::ExternalAccountKeyRevoked,
        actor: by,
        subject: kid.to_owned(),
        details: json!({}),
    }
}

const KID_BYTES: usize = 16;
const MAC_KEY_BYTES: usize = 32;
