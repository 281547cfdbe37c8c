//! A memory without a database.

mod session;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use ca_issuance::LedgerError;
use ca_issuance::audit::Event;
use ca_pki::Timestamp;

use crate::client::Client;
use crate::grant::Grant;
use crate::operator::OperatorToken;
use crate::session::{RefreshToken, Rotation, Session};
use crate::store::{IdentityStore, SecretHash};

/// What an [`IdentityStore`] remembers, in memory. Durable until the test ends.
#[derive(Default)]
pub struct MemoryIdentityStore {
    state: Mutex<State>,
    away: AtomicBool,
}

#[derive(Default)]
struct State {
    sessions: BTreeMap<String, Session>,
    refresh_tokens: BTreeMap<SecretHash, (RefreshToken, Use)>,
    clients: BTreeMap<String, Client>,
    operator_tokens: BTreeMap<String, OperatorToken>,
    used_tokens: BTreeSet<(String, String)>,
    grants: BTreeMap<String, Grant>,
    grant_uses: BTreeMap<String, u64>,
    secrets: BTreeMap<String, [u8; 32]>,
    events: Vec<Event>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Unused,
    Used,
}

impl MemoryIdentityStore {
    /// Makes every call fail until told otherwise.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// Returns every event so far, in order.
    pub fn events(&self) -> Vec<Event> {
        self.state().events.clone()
    }

    /// Says how often a grant was used; the ledger counts this where there is a database.
    pub fn set_grant_uses(&self, name: &str, uses: u64) {
        self.state().grant_uses.insert(name.to_owned(), uses);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no test panics with the lock held")
    }

    fn reach(&self) -> Result<MutexGuard<'_, State>, LedgerError> {
        if self.away.load(Ordering::SeqCst) {
            let source: Box<dyn Error + Send + Sync> = "the store is away".into();
            return Err(LedgerError::Unavailable {
                retry_after: Duration::from_secs(1),
                source,
            });
        }
        Ok(self.state())
    }
}

#[async_trait]
impl IdentityStore for MemoryIdentityStore {
    async fn open_session(
        &self,
        session: Session,
        refresh: Option<RefreshToken>,
        event: Event,
    ) -> Result<(), LedgerError> {
        self.reach()?.open(session, refresh, event)
    }

    async fn session(&self, id: &str) -> Result<Option<Session>, LedgerError> {
        Ok(self.reach()?.sessions.get(id).cloned())
    }

    async fn session_of_refresh_token(
        &self,
        hash: &SecretHash,
    ) -> Result<Option<Session>, LedgerError> {
        let state = self.reach()?;
        let token = state.refresh_tokens.get(hash);
        Ok(token.and_then(|(token, _)| state.sessions.get(&token.session).cloned()))
    }

    async fn rotate_refresh_token(
        &self,
        used: &SecretHash,
        next: RefreshToken,
        event: Event,
        replayed: Event,
    ) -> Result<Rotation, LedgerError> {
        self.reach()?.rotate(used, next, event, replayed)
    }

    async fn revoke_session(&self, id: &str, event: Event) -> Result<bool, LedgerError> {
        Ok(self.reach()?.end_session(id, event))
    }

    async fn add_client(&self, client: Client, event: Event) -> Result<(), LedgerError> {
        let mut state = self.reach()?;
        if state.clients.contains_key(&client.id) {
            return Err(LedgerError::Conflict);
        }
        state.clients.insert(client.id.clone(), client);
        state.events.push(event);
        Ok(())
    }

    async fn client(&self, id: &str) -> Result<Option<Client>, LedgerError> {
        Ok(self.reach()?.clients.get(id).cloned())
    }

    async fn clients(&self) -> Result<Vec<Client>, LedgerError> {
        Ok(self.reach()?.clients.values().cloned().collect())
    }

    async fn remove_client(&self, id: &str, event: Event) -> Result<bool, LedgerError> {
        let mut state = self.reach()?;
        if state.clients.remove(id).is_none() {
            return Ok(false);
        }
        state.end_sessions_of(id, event.at);
        state.events.push(event);
        Ok(true)
    }

    async fn add_operator_token(
        &self,
        token: OperatorToken,
        event: Event,
    ) -> Result<(), LedgerError> {
        let mut state = self.reach()?;
        let mut others = state.operator_tokens.values();
        if others.any(|other| other.id == token.id || other.hash == token.hash) {
            return Err(LedgerError::Conflict);
        }
        state.operator_tokens.insert(token.id.clone(), token);
        state.events.push(event);
        Ok(())
    }

    async fn operator_token(
        &self,
        hash: &SecretHash,
    ) -> Result<Option<OperatorToken>, LedgerError> {
        let state = self.reach()?;
        let mut tokens = state.operator_tokens.values();
        Ok(tokens.find(|token| token.hash == *hash).cloned())
    }

    async fn operator_tokens(&self) -> Result<Vec<OperatorToken>, LedgerError> {
        let mut tokens: Vec<_> = self.reach()?.operator_tokens.values().cloned().collect();
        // Stable: of one age in order of id.
        tokens.sort_by_key(|token| std::cmp::Reverse(token.created_at));
        Ok(tokens)
    }

    async fn revoke_operator_token(&self, id: &str, event: Event) -> Result<bool, LedgerError> {
        let mut state = self.reach()?;
        let token = state.operator_tokens.get_mut(id);
        let Some(token) = token.filter(|token| token.revoked_at.is_none()) else {
            return Ok(false);
        };
        token.revoked_at = Some(event.at);
        state.events.push(event);
        Ok(true)
    }

    async fn use_token(
        &self,
        provider: &str,
        token_id: &str,
        _expires_at: Timestamp,
    ) -> Result<bool, LedgerError> {
        let used = (provider.to_owned(), token_id.to_owned());
        Ok(self.reach()?.used_tokens.insert(used))
    }

    async fn add_grant(&self, grant: Grant, event: Event) -> Result<(), LedgerError> {
        let mut state = self.reach()?;
        let taken = state.grants.get(&grant.name);
        if taken.is_some_and(|other| is_in_force(other, event.at)) {
            return Err(LedgerError::Conflict);
        }
        // Another grant that once had this name was used, not this one.
        state.grant_uses.remove(&grant.name);
        state.grants.insert(grant.name.clone(), grant);
        state.events.push(event);
        Ok(())
    }

    async fn grants(&self, moment: Timestamp) -> Result<Vec<Arc<Grant>>, LedgerError> {
        let state = self.reach()?;
        let grants = state.grants.values();
        let in_force = grants.filter(|grant| is_in_force(grant, moment));
        Ok(in_force.cloned().map(Arc::new).collect())
    }

    async fn remove_grant(&self, name: &str, event: Event) -> Result<bool, LedgerError> {
        let mut state = self.reach()?;
        if state.grants.remove(name).is_none() {
            return Ok(false);
        }
        state.events.push(event);
        Ok(true)
    }

    async fn grant_uses(&self) -> Result<BTreeMap<String, u64>, LedgerError> {
        Ok(self.reach()?.grant_uses.clone())
    }

    async fn note(&self, event: Event) -> Result<(), LedgerError> {
        self.reach()?.events.push(event);
        Ok(())
    }

    async fn shared_secret(&self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], LedgerError> {
        let mut state = self.reach()?;
        Ok(*state.secrets.entry(name.to_owned()).or_insert(fresh))
    }
}

fn is_in_force(grant: &Grant, at: Timestamp) -> bool {
    grant.expires_at.is_none_or(|end| at < end)
}
