//! A ledger without a store below it.

mod claim;
mod lease;
mod list;
mod log;
mod numbers;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use ca_pki::crl::{CrlEntries, RevocationReason};
use ca_pki::{Serial, Timestamp};

use crate::audit::Event;
use crate::audit::query::{EventPage, EventQuery};
use crate::lease::Fence;
use crate::ledger::{
    CertificatePage, CertificateQuery, CertificateRecord, CertificateState, EarlierRequest, Intent,
    Ledger, LedgerError, PublishedCrl, RevocationSpan, Revocations, RevokeOutcome, Unfinished,
};

/// A ledger of one issuer in memory. Durable until the test ends.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    state: Mutex<State>,
    away: AtomicBool,
    claims: lease::Gate,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) certificates: BTreeMap<Serial, CertificateRecord>,
    epoch: u64,
    numbers: BTreeMap<u64, Serial>,
    crl_number: u64,
    crl: Option<PublishedCrl>,
    events: Vec<Event>,
    intents: Vec<Intent>,
    uses: BTreeMap<String, u64>,
    withdrawn: BTreeSet<String>,
    requests: BTreeMap<(String, String), (EarlierRequest, Timestamp)>,
    leases: BTreeMap<String, lease::Row>,
    moment_secs: i64,
}

impl MemoryLedger {
    /// Makes every call fail until told otherwise.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// Takes a grant away that is kept in the store.
    pub fn withdraw_grant(&self, name: &str) {
        self.state().withdrawn.insert(name.to_owned());
    }

    /// Returns every event so far, in order.
    pub fn events(&self) -> Vec<Event> {
        self.state().events.clone()
    }

    /// Returns every serial ever spent, in order.
    pub fn serials(&self) -> Vec<Serial> {
        self.state().certificates.keys().cloned().collect()
    }

    /// Returns every intent as it was recorded.
    pub fn intents(&self) -> Vec<Intent> {
        self.state().intents.clone()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
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

impl State {
    /// Moves a certificate from one state to another, or says that it was not there.
    fn swap(
        &mut self,
        serial: &Serial,
        from: CertificateState,
        to: CertificateState,
    ) -> Result<&mut CertificateRecord, LedgerError> {
        let record = self
            .certificates
            .get_mut(serial)
            .ok_or(LedgerError::Conflict)?;
        if record.state != from {
            return Err(LedgerError::Conflict);
        }
        record.state = to;
        Ok(record)
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn record_intent(&self, intent: &Intent, event: Event) -> Result<(), LedgerError> {
        let mut state = self.reach()?;
        if state.certificates.contains_key(&intent.serial) {
            return Err(LedgerError::Conflict);
        }
        state.require_grant(intent)?;
        state.take_idempotency_key(intent)?;
        state.use_grant(intent)?;
        let record = claim::intended(intent);
        state.certificates.insert(intent.serial.clone(), record);
        state.intents.push(intent.clone());
        state.events.push(event);
        Ok(())
    }

    async fn record_result(
        &self,
        _issuer: &str,
        serial: &Serial,
        certificate_der: &[u8],
        event: Event,
    ) -> Result<(), LedgerError> {
        let mut state = self.reach()?;
        let record = state.swap(serial, CertificateState::Intended, CertificateState::Valid)?;
        record.der = Some(certificate_der.to_vec());
        state.events.push(event);
        Ok(())
    }

    async fn burn(&self, _issuer: &str, serial: &Serial, event: Event) -> Result<(), LedgerError> {
        let mut state = self.reach()?;
        let burned = CertificateState::Burned { at: event.at };
        state.swap(serial, CertificateState::Intended, burned)?;
        state.give_back(serial);
        state.number(serial);
        state.events.push(event);
        Ok(())
    }

    async fn unfinished(&self, _moment: Timestamp) -> Result<Vec<Unfinished>, LedgerError> {
        Ok(self.reach()?.unfinished())
    }

    async fn revoke(
        &self,
        _issuer: &str,
        serial: &Serial,
        reason: RevocationReason,
        event: Event,
    ) -> Result<RevokeOutcome, LedgerError> {
        let mut state = self.reach()?;
        if !state.certificates.contains_key(serial) {
            return Ok(RevokeOutcome::Unknown);
        }
        let revoked = CertificateState::Revoked {
            at: event.at,
            reason,
        };
        if state
            .swap(serial, CertificateState::Valid, revoked)
            .is_err()
        {
            return Ok(RevokeOutcome::AlreadyRevoked);
        }
        state.number(serial);
        state.events.push(event);
        Ok(RevokeOutcome::Revoked)
    }

    async fn certificate(
        &self,
        _issuer: &str,
        serial: &Serial,
    ) -> Result<Option<CertificateRecord>, LedgerError> {
        Ok(self.reach()?.certificates.get(serial).cloned())
    }

    async fn certificates(&self, query: &CertificateQuery) -> Result<CertificatePage, LedgerError> {
        Ok(self.reach()?.page(query))
    }

    async fn idempotent(
        &self,
        actor: &str,
        key: &str,
        moment: Timestamp,
    ) -> Result<Option<EarlierRequest>, LedgerError> {
        Ok(self.reach()?.earlier_request(actor, key, moment))
    }

    async fn is_compromised(&self, key_fingerprint: &[u8; 32]) -> Result<bool, LedgerError> {
        Ok(self.reach()?.is_compromised(key_fingerprint))
    }

    async fn collect_revocations(
        &self,
        _issuer: &str,
        span: RevocationSpan,
        entries: CrlEntries,
    ) -> Result<Revocations, LedgerError> {
        Ok(self.reach()?.collect(span, entries))
    }

    async fn number_revocations(&self, _issuer: &str) -> Result<(), LedgerError> {
        self.reach()?.number_all();
        Ok(())
    }

    async fn revocation_epoch(&self, _issuer: &str) -> Result<u64, LedgerError> {
        Ok(self.reach()?.epoch)
    }

    async fn next_crl_number(&self, _issuer: &str) -> Result<u64, LedgerError> {
        let mut state = self.reach()?;
        state.crl_number += 1;
        Ok(state.crl_number)
    }

    async fn publish_crl(
        &self,
        _issuer: &str,
        crl: &PublishedCrl,
        fence: &Fence,
        event: Event,
    ) -> Result<(), LedgerError> {
        let mut state = self.reach()?;
        state.require_lease(fence)?;
        let is_ahead = |stored: &PublishedCrl| {
            stored.number > crl.number || stored.revocation_epoch > crl.revocation_epoch
        };
        if state.crl.as_ref().is_some_and(is_ahead) {
            return Err(LedgerError::Conflict);
        }
        state.crl = Some(crl.clone());
        state.events.push(event);
        Ok(())
    }

    async fn current_crl_number(&self, _issuer: &str) -> Result<Option<u64>, LedgerError> {
        Ok(self.reach()?.crl.as_ref().map(|crl| crl.number))
    }

    async fn current_crl(&self, _issuer: &str) -> Result<Option<PublishedCrl>, LedgerError> {
        Ok(self.reach()?.crl.clone())
    }

    async fn append_event(&self, event: Event) -> Result<(), LedgerError> {
        self.reach()?.events.push(event);
        Ok(())
    }

    async fn events(&self, query: &EventQuery) -> Result<EventPage, LedgerError> {
        Ok(log::page(&self.reach()?.events, query))
    }

    async fn shared_moment(&self) -> Result<Timestamp, LedgerError> {
        Ok(Timestamp::from_unix_secs(self.reach()?.moment_secs))
    }

    async fn claim(
        &self,
        work: &str,
        holder: &str,
        moment: Timestamp,
        span: Duration,
    ) -> Result<Option<u64>, LedgerError> {
        let _pass = self.claims.pass().await;
        Ok(self.reach()?.claim_lease(work, holder, (moment, span)))
    }

    async fn give_back(&self, work: &str, holder: &str) -> Result<(), LedgerError> {
        self.reach()?.end_lease(work, holder);
        Ok(())
    }
}
