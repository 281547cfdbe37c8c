//! Another server's CRL: put together from the ledger, taken over if its signature verifies.

use super::contents::Contents;
use super::{CrlPublisher, CurrentCrl, PublishError, offload};
use crate::ledger::{PublishedCrl, RevocationSpan};

impl CrlPublisher {
    /// Takes over a stored CRL if this issuer's present key signed what it is made of.
    ///
    /// A key replaced under the same name leaves one that nobody would accept, and entries may
    /// have been pruned since: then there is nothing to take over.
    pub(super) async fn adopt(
        &self,
        stored: PublishedCrl,
    ) -> Result<Option<CurrentCrl>, PublishError> {
        let Contents { entries, .. } = self.contents_of(&stored).await?;
        let mut unsigned = self.template(&stored).around(entries);
        let key = self.issuer.certificate().public_key().clone();
        offload(move || {
            let verified = key.verify_long(&unsigned.hash(), &stored.signature);
            let crl = verified.ok().map(|()| unsigned.signed(&stored.signature))?;
            Some(CurrentCrl::new(stored, crl))
        })
        .await
    }

    async fn contents_of(&self, stored: &PublishedCrl) -> Result<Contents, PublishError> {
        let span = RevocationSpan {
            after: stored.first_revocation.saturating_sub(1),
            through: stored.revocation_epoch,
            ended_before: stored.ended_before,
        };
        if let Some(contents) = self.onward(span.through, span.ended_before).await? {
            return Ok(contents);
        }
        self.anew(span).await
    }
}
