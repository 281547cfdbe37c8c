//! A real store on whose steps a server's life may end.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ca_issuance::Clock;
use ca_issuance::audit::Event;
use ca_issuance::audit::query::{EventPage, EventQuery};
use ca_issuance::lease::Fence;
use ca_issuance::ledger::{
    CertificatePage, CertificateQuery, CertificateRecord, EarlierRequest, Intent, Ledger,
    LedgerError, PublishedCrl, RevocationSpan, Revocations, RevokeOutcome, Unfinished,
};
use ca_pki::crl::{CrlEntries, RevocationReason};
use ca_pki::{Serial, Timestamp};
use ca_store::Store;

use super::stop::{Moment, Step, Stop};

/// The store, with a stop before and after each step.
pub(crate) struct StoppingLedger {
    pub(crate) store: Store,
    pub(crate) stop: Arc<Stop>,
    /// Which all servers share here, for it can be moved.
    pub(crate) clock: Arc<dyn Clock>,
}

impl StoppingLedger {
    async fn step<T>(&self, step: Step, work: impl Future<Output = T> + Send) -> T {
        self.stop.pass(Moment::Before(step)).await;
        let done = work.await;
        self.stop.pass(Moment::After(step)).await;
        done
    }
}

#[async_trait]
impl Ledger for StoppingLedger {
    async fn record_intent(&self, intent: &Intent, event: Event) -> Result<(), LedgerError> {
        let work = self.store.record_intent(intent, event);
        self.step(Step::RecordIntent, work).await
    }

    async fn record_result(
        &self,
        issuer: &str,
        serial: &Serial,
        certificate_der: &[u8],
        event: Event,
    ) -> Result<(), LedgerError> {
        let work = self
            .store
            .record_result(issuer, serial, certificate_der, event);
        self.step(Step::RecordResult, work).await
    }

    async fn burn(&self, issuer: &str, serial: &Serial, event: Event) -> Result<(), LedgerError> {
        let work = self.store.burn(issuer, serial, event);
        self.step(Step::Burn, work).await
    }

    async fn revoke(
        &self,
        issuer: &str,
        serial: &Serial,
        reason: RevocationReason,
        event: Event,
    ) -> Result<RevokeOutcome, LedgerError> {
        let work = self.store.revoke(issuer, serial, reason, event);
        self.step(Step::Revoke, work).await
    }

    async fn next_crl_number(&self, issuer: &str) -> Result<u64, LedgerError> {
        let work = self.store.next_crl_number(issuer);
        self.step(Step::DrawCrlNumber, work).await
    }

    async fn publish_crl(
        &self,
        issuer: &str,
        crl: &PublishedCrl,
        fence: &Fence,
        event: Event,
    ) -> Result<(), LedgerError> {
        let work = self.store.publish_crl(issuer, crl, fence, event);
        self.step(Step::PublishCrl, work).await
    }

    async fn unfinished(&self, moment: Timestamp) -> Result<Vec<Unfinished>, LedgerError> {
        self.store.unfinished(moment).await
    }

    async fn certificate(
        &self,
        issuer: &str,
        serial: &Serial,
    ) -> Result<Option<CertificateRecord>, LedgerError> {
        self.store.certificate(issuer, serial).await
    }

    async fn collect_revocations(
        &self,
        issuer: &str,
        span: RevocationSpan,
        entries: CrlEntries,
    ) -> Result<Revocations, LedgerError> {
        self.store.collect_revocations(issuer, span, entries).await
    }

    async fn number_revocations(&self, issuer: &str) -> Result<(), LedgerError> {
        self.store.number_revocations(issuer).await
    }

    async fn certificates(&self, query: &CertificateQuery) -> Result<CertificatePage, LedgerError> {
        self.store.certificates(query).await
    }

    async fn idempotent(
        &self,
        actor: &str,
        key: &str,
        moment: Timestamp,
    ) -> Result<Option<EarlierRequest>, LedgerError> {
        self.store.idempotent(actor, key, moment).await
    }

    async fn is_compromised(&self, key_fingerprint: &[u8; 32]) -> Result<bool, LedgerError> {
        self.store.is_compromised(key_fingerprint).await
    }

    async fn revocation_epoch(&self, issuer: &str) -> Result<u64, LedgerError> {
        self.store.revocation_epoch(issuer).await
    }

    async fn current_crl_number(&self, issuer: &str) -> Result<Option<u64>, LedgerError> {
        self.store.current_crl_number(issuer).await
    }

    async fn current_crl(&self, issuer: &str) -> Result<Option<PublishedCrl>, LedgerError> {
        self.store.current_crl(issuer).await
    }

    async fn append_event(&self, event: Event) -> Result<(), LedgerError> {
        self.store.append_event(event).await
    }

    async fn events(&self, query: &EventQuery) -> Result<EventPage, LedgerError> {
        self.store.events(query).await
    }

    async fn shared_moment(&self) -> Result<Timestamp, LedgerError> {
        Ok(self.clock.now())
    }

    async fn claim(
        &self,
        work: &str,
        holder: &str,
        moment: Timestamp,
        span: Duration,
    ) -> Result<Option<u64>, LedgerError> {
        self.store.claim(work, holder, moment, span).await
    }

    async fn give_back(&self, work: &str, holder: &str) -> Result<(), LedgerError> {
        self.store.give_back(work, holder).await
    }
}
