//! Clients with a secret of their own (RFC 6749 §2).

mod login;
mod secret_hash;

use std::fmt;

use ca_issuance::audit::{Event, EventKind};
use ca_issuance::{Actor, Entropy, LedgerError};
use ca_pki::Timestamp;
use secrecy::SecretString;
use serde_json::json;

pub use self::login::{AuthenticatedClient, ClientCredentials};
pub(crate) use self::secret_hash::HashingDesk;
use crate::{Access, Error, Role, secret};

/// A client as it is stored.
#[derive(Clone, PartialEq, Eq)]
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

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.id)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// A client to be made.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// Letters, digits, `.`, `_` and `-`, at most 64; begins with a letter or a digit.
    pub id: String,
    /// Its role, if it gets one.
    pub role: Option<Role>,
    /// What for, at most 200 characters.
    pub comment: String,
}

impl NewClient {
    /// Checks the parts and draws a secret. Takes some 20 ms of computing: not for async threads.
    pub fn draw_blocking(
        self,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<(Client, SecretString), Error> {
        self.check()?;
        let secret = secret::draw(SECRET_PREFIX, entropy)?;
        let mut salt = [0; 16];
        entropy.fill(&mut salt)?;
        let client = Client {
            id: self.id,
            secret_hash: secret_hash::hash_blocking(&secret, &salt)?,
            role: self.role,
            comment: self.comment,
            created_at: now,
            last_used_at: None,
        };
        Ok((client, secret))
    }

    fn check(&self) -> Result<(), Error> {
        if !is_client_id(&self.id) {
            return Err(Error::Malformed(
                "a client's id has 1 to 64 letters, digits, '.', '_' or '-', and begins with a \
                 letter or a digit"
                    .into(),
            ));
        }
        if self.comment.chars().count() > 200 || self.comment.chars().any(char::is_control) {
            return Err(Error::Malformed(
                "a comment has at most 200 characters, on one line".into(),
            ));
        }
        Ok(())
    }
}

impl Client {
    /// Returns the event of its making.
    pub fn created(&self, by: Actor) -> Event {
        Event {
            at: self.created_at,
            kind: EventKind::ClientCreated,
            actor: by,
            subject: self.id.clone(),
            details: json!({ "role": self.role, "comment": self.comment }),
        }
    }
}

/// Returns the event of a client's removal.
pub fn removed(id: &str, by: Actor, at: Timestamp) -> Event {
    Event {
        at,
        kind: EventKind::ClientRemoved,
        actor: by,
        subject: id.to_owned(),
        details: json!({}),
    }
}

impl Access {
    /// Adds a client. Its secret is returned this once; [`Error::Conflict`] if the id is taken.
    pub async fn add_client(
        &self,
        new: NewClient,
        by: Actor,
    ) -> Result<(Client, SecretString), Error> {
        new.check()?;
        let turn = self.hashing.turn().await?;
        let now = self.corridor.clock().now();
        let entropy = self.corridor.entropy().clone();
        let drawn = turn.run(move || new.draw_blocking(now, entropy.as_ref()));
        let (client, secret) = drawn.await??;
        let event = client.created(by);
        match self.store.add_client(client.clone(), event).await {
            Ok(()) => Ok((client, secret)),
            Err(LedgerError::Conflict) => Err(Error::Conflict(format!(
                "there is a client {:?} already",
                client.id
            ))),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads a client. [`Error::NotFound`] if there is none.
    pub async fn client(&self, id: &str) -> Result<Client, Error> {
        self.store.client(id).await?.ok_or(Error::NotFound)
    }

    /// Lists every client, by id.
    pub async fn clients(&self) -> Result<Vec<Client>, Error> {
        Ok(self.store.clients().await?)
    }

    /// Removes a client: its sessions end with it. [`Error::NotFound`] if there is none.
    pub async fn remove_client(&self, id: &str, by: Actor) -> Result<(), Error> {
        let event = removed(id, by, self.corridor.clock().now());
        match self.store.remove_client(id, event).await? {
            true => Ok(()),
            false => Err(Error::NotFound),
        }
    }
}

/// No colon, so that it fits HTTP Basic; nothing that a URL must escape.
fn is_client_id(text: &str) -> bool {
    let begins_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    begins_well
        && text.len() <= 64
        && text
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || b"._-".contains(&octet))
}

/// What client secrets begin with.
pub(crate) const SECRET_PREFIX: &str = "cas_";

#[cfg(test)]
mod tests;
