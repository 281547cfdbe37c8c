//! One CRL: rows read, number drawn, signed, verified, made durable.

use std::sync::Arc;
use std::time::Instant;

use ca_pki::crl::{self, CrlTemplate, RevokedCertificate};
use ca_pki::{Certificate, SignatureAlgorithm, Timestamp};
use serde_json::json;

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
        // An entry stays until a CRL was scheduled after its certificate's end (RFC 5280 §3.3).
        let ended_before = now.minus(self.schedule.every).minus(self.schedule.every);
        let revoked = self.ledger.revoked(name, ended_before).await?;
        let entries = revoked.len();
        let template = self.template(self.ledger.next_crl_number(name).await?, now);
        let (number, next_update) = (template.number, template.next_update);

        let der = self.sign(template, revoked).await?;
        let published = PublishedCrl {
            number,
            this_update: now,
            next_update,
            revocation_epoch: epoch,
            der,
        };
        let event = Event {
            at: now,
            kind: EventKind::CrlPublished,
            actor: Actor::System,
            subject: name.to_owned(),
            details: json!({
                "number": number,
                "entries": entries,
                "next_update": next_update.to_string(),
            }),
        };
        match self
            .ledger
            .publish_crl(name, &published, fence, event)
            .await
        {
            Ok(()) => {
                tracing::info!(issuer = name, number, entries, "CRL published");
                self.keep(offload(move || CurrentCrl::new(published)).await?);
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

    fn template(&self, number: u64, now: Timestamp) -> CrlTemplate {
        CrlTemplate {
            issuer_der: self.issuer.certificate().subject_der().to_vec(),
            authority_key_identifier: self.issuer.key_identifier().to_vec(),
            signature_algorithm: self.issuer.key().algorithm(),
            number,
            this_update: now,
            next_update: now.plus(self.schedule.lifetime),
        }
    }

    async fn sign(
        &self,
        template: CrlTemplate,
        revoked: Vec<RevokedCertificate>,
    ) -> Result<Arc<[u8]>, PublishError> {
        let algorithm = template.signature_algorithm;
        let tbs = offload(move || template.to_be_signed(&revoked)).await?;
        let deadline = Instant::now() + self.issuer.signing_deadline();
        let signature = self.issuer.key().sign(&tbs, deadline).await?;
        let certificate = self.issuer.certificate().clone();
        let assembled =
            offload(move || assemble_verified(&certificate, algorithm, &tbs, &signature)).await?;
        if matches!(assembled, Err(PublishError::BadSignature)) {
            self.issuer.key().distrust();
        }
        assembled
    }
}

fn assemble_verified(
    issuer: &Certificate,
    algorithm: SignatureAlgorithm,
    tbs: &[u8],
    signature: &[u8],
) -> Result<Arc<[u8]>, PublishError> {
    issuer
        .public_key()
        .verify(algorithm, tbs, signature)
        .map_err(|_bad_signature| PublishError::BadSignature)?;
    Ok(crl::assemble(tbs, algorithm, signature).into())
}
