//! The port of `ca-issuance`: each method hands its intent to the writer, or reads.

use std::time::Duration;

use async_trait::async_trait;
use ca_issuance::audit::Event;
use ca_issuance::audit::query::{EventPage, EventQuery};
use ca_issuance::lease::Fence;
use ca_issuance::ledger::{
    CertificatePage, CertificateQuery, CertificateRecord, EarlierRequest, Intent, Ledger,
    LedgerError, PublishedCrl, RevocationSpan, Revocations, RevokeOutcome, Standing, Unfinished,
};
use ca_pki::crl::{CrlEntries, RevocationReason};
use ca_pki::{Serial, Timestamp};

use crate::certificate::{self, Burn, NumberRevocations, RecordIntent, RecordResult, Revoke};
use crate::crl::{self, DrawNumber, Publish};
use crate::lease::{self, Claim, GiveBack};
use crate::{Error, Store, audit, idempotency};

#[async_trait]
impl Ledger for Store {
    async fn record_intent(&self, intent: &Intent, event: Event) -> Result<(), LedgerError> {
        let intent = intent.clone();
        Ok(self.write(RecordIntent { intent, event }).await?)
    }

    async fn record_result(
        &self,
        issuer: &str,
        serial: &Serial,
        certificate_der: &[u8],
        event: Event,
    ) -> Result<(), LedgerError> {
        let result = RecordResult {
            issuer: issuer.to_owned(),
            serial: serial.clone(),
            der: certificate_der.to_vec(),
            event,
        };
        Ok(self.write(result).await?)
    }

    async fn burn(&self, issuer: &str, serial: &Serial, event: Event) -> Result<(), LedgerError> {
        let burn = Burn {
            issuer: issuer.to_owned(),
            serial: serial.clone(),
            event,
        };
        Ok(self.write(burn).await?)
    }

    async fn unfinished(&self, moment: Timestamp) -> Result<Vec<Unfinished>, LedgerError> {
        Ok(certificate::unfinished(self.reads(), moment).await?)
    }

    async fn revoke(
        &self,
        issuer: &str,
        serial: &Serial,
        reason: RevocationReason,
        event: Event,
    ) -> Result<RevokeOutcome, LedgerError> {
        let revoke = Revoke {
            issuer: issuer.to_owned(),
            serial: serial.clone(),
            reason,
            event,
        };
        match self.write(revoke).await {
            Ok(()) => Ok(RevokeOutcome::Revoked),
            Err(Error::Conflict) => {
                Ok(certificate::not_valid(self.reads(), (issuer, serial)).await?)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn certificate(
        &self,
        issuer: &str,
        serial: &Serial,
    ) -> Result<Option<CertificateRecord>, LedgerError> {
        Ok(certificate::by_serial(self.point_reads(), issuer, serial).await?)
    }

    async fn standing(
        &self,
        issuer: &str,
        serial: &Serial,
    ) -> Result<Option<Standing>, LedgerError> {
        Ok(certificate::standing(self.point_reads(), issuer, serial).await?)
    }

    async fn certificates(&self, query: &CertificateQuery) -> Result<CertificatePage, LedgerError> {
        Ok(certificate::list(self.reads(), query).await?)
    }

    async fn idempotent(
        &self,
        actor: &str,
        key: &str,
        moment: Timestamp,
    ) -> Result<Option<EarlierRequest>, LedgerError> {
        Ok(idempotency::find(self.reads(), (actor, key), moment).await?)
    }

    async fn is_compromised(&self, key_fingerprint: &[u8; 32]) -> Result<bool, LedgerError> {
        let compromised = match self.point_reads().is_local() {
            true => certificate::is_compromised(self.point_reads(), key_fingerprint).await,
            false => self.compromised().ask(*key_fingerprint).await,
        };
        Ok(compromised?)
    }

    async fn collect_revocations(
        &self,
        issuer: &str,
        span: RevocationSpan,
        entries: CrlEntries,
    ) -> Result<Revocations, LedgerError> {
        let from = (self.reads(), self.file());
        Ok(certificate::collect(from, issuer, span, entries).await?)
    }

    async fn number_revocations(&self, issuer: &str) -> Result<(), LedgerError> {
        while certificate::any_unnumbered(self.reads(), issuer).await? {
            let issuer = issuer.to_owned();
            self.write(NumberRevocations { issuer }).await?;
        }
        Ok(())
    }

    async fn revocation_epoch(&self, issuer: &str) -> Result<u64, LedgerError> {
        Ok(certificate::revocation_epoch(self.reads(), issuer).await?)
    }

    async fn next_crl_number(&self, issuer: &str) -> Result<u64, LedgerError> {
        let issuer = issuer.to_owned();
        Ok(self.write(DrawNumber { issuer }).await?)
    }

    async fn publish_crl(
        &self,
        issuer: &str,
        crl: &PublishedCrl,
        fence: &Fence,
        event: Event,
    ) -> Result<(), LedgerError> {
        let publish = Publish {
            issuer: issuer.to_owned(),
            crl: crl.clone(),
            fence: fence.clone(),
            event,
        };
        Ok(self.write(publish).await?)
    }

    async fn current_crl_number(&self, issuer: &str) -> Result<Option<u64>, LedgerError> {
        Ok(crl::current_number(self.reads(), issuer).await?)
    }

    async fn current_crl(&self, issuer: &str) -> Result<Option<PublishedCrl>, LedgerError> {
        Ok(crl::current(self.reads(), issuer).await?)
    }

    async fn append_event(&self, event: Event) -> Result<(), LedgerError> {
        Ok(self.write(audit::Append { event }).await?)
    }

    async fn events(&self, query: &EventQuery) -> Result<EventPage, LedgerError> {
        Ok(audit::page(self.reads(), query).await?)
    }

    async fn shared_moment(&self) -> Result<Timestamp, LedgerError> {
        Ok(lease::shared_moment(self).await?)
    }

    async fn claim(
        &self,
        work: &str,
        holder: &str,
        moment: Timestamp,
        span: Duration,
    ) -> Result<Option<u64>, LedgerError> {
        let claim = Claim {
            work: work.to_owned(),
            holder: holder.to_owned(),
            moment,
            span,
        };
        Ok(self.write(claim).await?)
    }

    async fn give_back(&self, work: &str, holder: &str) -> Result<(), LedgerError> {
        let (work, holder) = (work.to_owned(), holder.to_owned());
        Ok(self.write(GiveBack { work, holder }).await?)
    }
}
