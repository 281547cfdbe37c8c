//! The port to what must be remembered about identities. One method, one durable transaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use ca_issuance::LedgerError;
use ca_issuance::audit::Event;
use ca_pki::Timestamp;

use crate::client::Client;
use crate::grant::Grant;
use crate::operator::OperatorToken;
use crate::session::{RefreshToken, Rotation, Session};

/// SHA-256 of a secret with 256 bits of chance in it: all that is kept of one.
pub type SecretHash = [u8; 32];

/// What this room needs remembered. Every write is durable when it returns `Ok`, its event
/// included.
#[async_trait]
pub trait IdentityStore: Send + Sync {
    // Sessions.

    /// Opens a session, with its first refresh token if it gets one. `Conflict` if the client
    /// that it is for was removed meanwhile.
    async fn open_session(
        &self,
        session: Session,
        refresh: Option<RefreshToken>,
        event: Event,
    ) -> Result<(), LedgerError>;
    /// Reads a session.
    async fn session(&self, id: &str) -> Result<Option<Session>, LedgerError>;
    /// Finds the session of a refresh token, used or not.
    async fn session_of_refresh_token(
        &self,
        hash: &SecretHash,
    ) -> Result<Option<Session>, LedgerError>;
    /// Uses up a refresh token and stores the next one, in one step. A token that was used before
    /// ends its session (`Rotation::Replayed`, with `replayed` as the event).
    async fn rotate_refresh_token(
        &self,
        used: &SecretHash,
        next: RefreshToken,
        event: Event,
        replayed: Event,
    ) -> Result<Rotation, LedgerError>;
    /// Ends a session; `false` if there is none or it ended before.
    async fn revoke_session(&self, id: &str, event: Event) -> Result<bool, LedgerError>;

    // Clients.

    /// Adds a client; `Conflict` if the id is taken.
    async fn add_client(&self, client: Client, event: Event) -> Result<(), LedgerError>;
    /// Reads a client.
    async fn client(&self, id: &str) -> Result<Option<Client>, LedgerError>;
    /// Lists every client, by id.
    async fn clients(&self) -> Result<Vec<Client>, LedgerError>;
    /// Removes a client and ends its sessions; `false` if there is none.
    async fn remove_client(&self, id: &str, event: Event) -> Result<bool, LedgerError>;

    // Operator tokens.

    /// Stores a new operator token.
    async fn add_operator_token(
        &self,
        token: OperatorToken,
        event: Event,
    ) -> Result<(), LedgerError>;
    /// Finds an operator token by its hash.
    async fn operator_token(&self, hash: &SecretHash)
    -> Result<Option<OperatorToken>, LedgerError>;
    /// Lists every operator token, newest first.
    async fn operator_tokens(&self) -> Result<Vec<OperatorToken>, LedgerError>;
    /// Revokes an operator token; `false` if there is none or it was revoked before.
    async fn revoke_operator_token(&self, id: &str, event: Event) -> Result<bool, LedgerError>;

    // Tokens for single use.

    /// Notes that a provider's token was used: `true` the first time in the whole cluster.
    async fn use_token(
        &self,
        provider: &str,
        token_id: &str,
        expires_at: Timestamp,
    ) -> Result<bool, LedgerError>;

    // Grants.

    /// Adds a grant made over the API; `Conflict` if one of that name is there.
    async fn add_grant(&self, grant: Grant, event: Event) -> Result<(), LedgerError>;
    /// Lists the grants made over the API that have not ended at `moment`, by name.
    async fn grants(&self, moment: Timestamp) -> Result<Vec<Arc<Grant>>, LedgerError>;
    /// Removes a grant; `false` if there is none.
    async fn remove_grant(&self, name: &str, event: Event) -> Result<bool, LedgerError>;
    /// Returns how often each grant with a limit was used.
    async fn grant_uses(&self) -> Result<BTreeMap<String, u64>, LedgerError>;

    // Everything.

    /// Appends an event that has no change of its own (a failed login, a refusal).
    async fn note(&self, event: Event) -> Result<(), LedgerError>;
    /// Returns the named secret shared by all servers, made from `fresh` if there is none yet.
    async fn shared_secret(&self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], LedgerError>;
}
