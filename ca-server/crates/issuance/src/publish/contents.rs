//! What a CRL lists: the list before and what came since, or everything anew.

use ca_pki::Timestamp;
use ca_pki::crl::CrlEntries;

use super::{CrlPublisher, PublishError};
use crate::ledger::{RevocationSpan, Revocations};

/// The entries of a CRL, and which revocations they are.
pub(super) struct Contents {
    pub(super) entries: CrlEntries,
    pub(super) first_revocation: u64,
    pub(super) through: u64,
    pub(super) ended_before: Timestamp,
}

impl CrlPublisher {
    /// Returns what to list now, with every revocation up to `epoch` and perhaps more.
    pub(super) async fn contents(
        &self,
        epoch: u64,
        now: Timestamp,
    ) -> Result<Contents, PublishError> {
        // An entry stays until a CRL was scheduled after its certificate's end (RFC 5280 §3.3).
        let every = self.schedule.every;
        let ended_before = now.minus(every).minus(every);
        let current = self.current();
        let listed_since = current.as_ref().map(|crl| crl.published.ended_before);
        if let Some(since) = listed_since
            .filter(|since| (ended_before.minus(every) < *since) && (*since <= ended_before))
            && let Some(contents) = self.onward(epoch, since).await?
        {
            return Ok(contents);
        }
        let name = self.issuer.name();
        self.ledger.number_revocations(name).await?;
        // What ended for the CRL before has ended for this one.
        let first = current
            .filter(|crl| crl.published.ended_before <= ended_before)
            .map_or(0, |crl| crl.published.first_revocation);
        let span = RevocationSpan {
            after: first.saturating_sub(1),
            through: self.ledger.revocation_epoch(name).await?,
            ended_before,
        };
        self.anew(span).await
    }

    /// Adds what came since the current CRL to its entries.
    ///
    /// `None` if there is no such CRL, or if a number is missing: a server of an earlier release
    /// revokes without them, and what it revoked must be looked for.
    pub(super) async fn onward(
        &self,
        through: u64,
        ended_before: Timestamp,
    ) -> Result<Option<Contents>, PublishError> {
        let Some(current) = self.current() else {
            return Ok(None);
        };
        let (listed, after) = (&current.published, current.published.revocation_epoch);
        if listed.ended_before != ended_before || after > through {
            return Ok(None);
        }
        let span = RevocationSpan {
            after,
            through,
            ended_before,
        };
        let entries = current.crl.entries().clone();
        let found = self.collect(span, entries).await?;
        if found.numbered != through - after {
            return Ok(None);
        }
        Ok(Some(Contents {
            entries: found.entries,
            first_revocation: listed.first_revocation,
            through,
            ended_before,
        }))
    }

    /// Lists the whole span.
    pub(super) async fn anew(&self, span: RevocationSpan) -> Result<Contents, PublishError> {
        let found = self.collect(span, CrlEntries::default()).await?;
        Ok(Contents {
            entries: found.entries,
            first_revocation: found.first.unwrap_or(span.through + 1),
            through: span.through,
            ended_before: span.ended_before,
        })
    }

    async fn collect(
        &self,
        span: RevocationSpan,
        entries: CrlEntries,
    ) -> Result<Revocations, PublishError> {
        let name = self.issuer.name();
        Ok(self.ledger.collect_revocations(name, span, entries).await?)
    }
}
