//! One CRL: entries collected, number drawn, signed, verified, made durable.

use std::time::Instant;

use ca_pki::Certificate;
use ca_pki::crl::{CrlTemplate, SignedCrl, UnsignedCrl};
use ca_pki::key::LongMessage;
use serde_json::json;

use super::contents::Contents;
use super::{CrlPublisher, CurrentCrl, PublishError, Standing, offload};
use crate::Actor;
use crate::audit::{Event, EventKind};
use crate::lease::Fence;
use crate::ledger::{LedgerError, PublishedCrl};

impl CrlPublisher {
    /// Publishes a CRL that covers every revocation up to `epoch`, if the lease behind `fence`
    /// still stands when it is stored.
    ///
    /// A crash before the last step leaves a gap in the numbers, which RFC 5280 §5.2.3 allows; the
    /// CRL before stays the current one and the next refresh makes another.
    pub(super) async fn publish(
        &self,
        epoch: u64,
        fence: &Fence,
    ) -> Result<Standing, PublishError> {
        // Before the rows are read and a number is drawn for nothing.
        self.issuer.key().check_available()?;
        let name = self.issuer.name();
        let now = self.clock.now();
        let contents = self.contents(epoch, now).await?;
        let entries = contents.entries.len();
        let unsigned = PublishedCrl {
            number: self.ledger.next_crl_number(name).await?,
            this_update: now,
            next_update: now.plus(self.schedule.lifetime),
            revocation_epoch: contents.through,
            first_revocation: contents.first_revocation,
            ended_before: contents.ended_before,
            signature: Vec::new(),
        };
        let (published, crl) = self.sign(unsigned, contents).await?;
        let number = published.number;
        let event = event(name, &published, entries);
        match self
            .ledger
            .publish_crl(name, &published, fence, event)
            .await
        {
            Ok(()) => {
                tracing::info!(issuer = name, number, entries, "CRL published");
                self.keep(CurrentCrl::new(published, crl));
                Ok(Standing::UpToDate)
            }
            // Another server took over, or published a later one: the next refresh adopts it.
            Err(LedgerError::Conflict) => {
                tracing::info!(issuer = name, number, "another server publishes");
                Ok(Standing::Awaited)
            }
            Err(
                error @ (LedgerError::Unavailable { .. }
                | LedgerError::Corrupt(_)
                | LedgerError::GrantUsedUp
                | LedgerError::GrantWithdrawn
                | LedgerError::Duplicate),
            ) => Err(error.into()),
        }
    }

    /// Returns what stands around the entries of such a CRL.
    pub(super) fn template(&self, crl: &PublishedCrl) -> CrlTemplate {
        CrlTemplate {
            issuer_der: self.issuer.certificate().subject_der().to_vec(),
            authority_key_identifier: self.issuer.key_identifier().to_vec(),
            signature_algorithm: self.issuer.key().algorithm(),
            number: crl.number,
            this_update: crl.this_update,
            next_update: crl.next_update,
        }
    }

    async fn sign(
        &self,
        published: PublishedCrl,
        contents: Contents,
    ) -> Result<(PublishedCrl, SignedCrl), PublishError> {
        let template = self.template(&published);
        let (unsigned, message) = offload(move || {
            let mut unsigned = template.around(contents.entries);
            let message = unsigned.hash();
            (unsigned, message)
        })
        .await?;
        let deadline = Instant::now() + self.issuer.signing_deadline();
        let signature = self.issuer.key().sign_long(&message, deadline).await?;
        let certificate = self.issuer.certificate().clone();
        let signed =
            offload(move || verified(&certificate, &message, unsigned, published, signature))
                .await?;
        if matches!(signed, Err(PublishError::BadSignature)) {
            self.issuer.key().distrust();
        }
        signed
    }
}

fn verified(
    issuer: &Certificate,
    message: &LongMessage,
    unsigned: UnsignedCrl,
    published: PublishedCrl,
    signature: Vec<u8>,
) -> Result<(PublishedCrl, SignedCrl), PublishError> {
    issuer
        .public_key()
        .verify_long(message, &signature)
        .map_err(|_bad_signature| PublishError::BadSignature)?;
    let crl = unsigned.signed(&signature);
    let published = PublishedCrl {
        signature,
        ..published
    };
    Ok((published, crl))
}

fn event(issuer: &str, crl: &PublishedCrl, entries: usize) -> Event {
    Event {
        at: crl.this_update,
        kind: EventKind::CrlPublished,
        actor: Actor::System,
        subject: issuer.to_owned(),
        details: json!({
            "number": crl.number,
            "entries": entries,
            "next_update": crl.next_update.to_string(),
        }),
    }
}
