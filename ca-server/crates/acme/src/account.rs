//! Accounts (RFC 8555 §7.1.2).

mod contact;
mod list;
mod registration;
mod update;

use std::sync::Arc;

use ca_identity::Principal;
use ca_issuance::Actor;
use ca_pki::Timestamp;

pub use list::{AccountList, AccountQuery};
pub use registration::Registered;

/// Where an account stands (RFC 8555 §7.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountStatus {
    /// `valid`
    Valid,
    /// `deactivated`, by its holder
    Deactivated,
    /// `revoked`, by the server
    Revoked,
}

/// An account as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The last segment of its URL, unguessable.
    pub id: String,
    /// The directory that it belongs to; keys are unique per directory.
    pub directory: String,
    /// Where it stands.
    pub status: AccountStatus,
    /// The public key as canonical JWK JSON (RFC 7638 members only).
    pub jwk: String,
    /// base64url of SHA-256 of the canonical JWK (RFC 7638).
    pub thumbprint: String,
    /// `mailto:` URLs.
    pub contacts: Vec<String>,
    /// Whether the holder said to agree.
    pub terms_agreed: bool,
    /// The key identifier of the external account that it was bound with.
    pub external_account: Option<String>,
    /// The binding as the client sent it (a JWS object), shown in the account object.
    pub external_binding: Option<String>,
    /// Who minted the external account key, where somebody did: the account acts for them.
    pub principal: Option<Arc<Principal>>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Account {
    /// Returns the account as an actor, for events and rows: where it acts for somebody, them.
    pub fn actor(&self) -> Actor {
        let account = Actor::AcmeAccount {
            directory: self.directory.clone(),
            account: self.id.clone(),
        };
        match &self.principal {
            Some(principal) => Actor::Identity {
                name: principal.name(),
                via: Some(account.to_string()),
            },
            None => account,
        }
    }
}
