//! The steps of the corridor: `Approved -> Prepared -> Recorded -> Issued`.
//!
//! Each value is made in one place, cannot be copied and is consumed by the next step, so that a
//! signature without a durable intent does not type-check.

use std::time::{Duration, Instant};

use ca_keys::{KeyError, Place};
use ca_pki::certificate::{Role, Template};
use ca_pki::{Certificate, Identifier, Serial, Timestamp, Validity, hex, lint};
use serde_json::json;

use crate::audit::{Event, EventKind};
use crate::error::{IssuanceError, Rule, Violation};
use crate::issuer::Issuer;
use crate::ledger::{Intent, Ledger};
use crate::policy::Approved;
use crate::profile::{Holder, Pointer, Profile, RevocationRule};
use crate::settle::SharedClock;

/// Serial drawn, to-be-signed bytes final, lints passed, a place at the signer taken.
#[derive(Debug)]
pub struct Prepared {
    intent: Intent,
    actor: crate::Actor,
    place: Place,
}

/// The intent is durable: the serial is spent.
#[derive(Debug)]
pub struct Recorded {
    intent: Intent,
    actor: crate::Actor,
    place: Place,
}

/// Signed, verified over the recorded bytes, and the result is durable.
#[derive(Debug)]
pub struct Issued {
    certificate: Certificate,
    issuer: String,
}

impl Prepared {
    /// Says by the clock that all servers share until when nobody else gives the intent up.
    pub(crate) fn settled_by(mut self, shared: &SharedClock) -> Self {
        self.intent.settle_after = shared.at(self.intent.settle_after);
        self
    }
}

impl Issuer {
    /// Takes a place at the signer; builds and lints the to-be-signed bytes.
    pub fn prepare(
        &self,
        approved: Approved,
        serial: Serial,
        now: Timestamp,
    ) -> Result<Prepared, IssuanceError> {
        // A serial that is spent without hope of a signature only makes the CRL longer.
        let place = self.key().reserve()?;
        let template = self.template(&approved, serial.clone());
        let tbs_der = template
            .to_be_signed()
            .map_err(|error| IssuanceError::Failed(error.to_string()))?;
        lint::lint(&template, &tbs_der, self.certificate()).map_err(|findings| {
            let violation = |finding: &lint::Lint| Violation::new(Rule::Lint, finding.to_string());
            IssuanceError::Refused(findings.iter().map(violation).collect())
        })?;
        let intent = Intent {
            serial,
            issuer: self.name().to_owned(),
            profile: approved.profile.name.clone(),
            identifiers: approved.claim.identifiers.iter().cloned().collect(),
            validity: approved.validity,
            key_fingerprint: approved.public_key.fingerprint_sha256(),
            tbs_der,
            requested_by: approved.claim.actor.clone(),
            order: approved.claim.order,
            grant: approved.claim.grant,
            idempotency: approved.claim.idempotency,
            provenance: approved.claim.provenance,
            recorded_at: now,
            settle_after: now.plus(self.signing_deadline()).plus(SETTLE_MARGIN),
        };
        Ok(Prepared {
            intent,
            actor: approved.claim.actor,
            place,
        })
    }

    /// Spends the serial. A crash before this leaves nothing; the order is still `ready`.
    pub async fn record(
        &self,
        prepared: Prepared,
        ledger: &dyn Ledger,
    ) -> Result<Recorded, IssuanceError> {
        let Prepared {
            intent,
            actor,
            place,
        } = prepared;
        let event = Event {
            at: intent.recorded_at,
            kind: EventKind::CertificateIntended,
            actor: actor.clone(),
            subject: intent.serial.to_string(),
            details: json!({
                "issuer": intent.issuer,
                "profile": intent.profile,
                "identifiers": intent.identifiers.iter().map(Identifier::to_string).collect::<Vec<_>>(),
                "not_before": intent.validity.not_before.to_string(),
                "not_after": intent.validity.not_after.to_string(),
                "order": intent.order,
                "grant": intent.grant.as_ref().map(|grant| &grant.name),
            }),
        };
        ledger.record_intent(&intent, event).await?;
        Ok(Recorded {
            intent,
            actor,
            place,
        })
    }

    /// Signs the recorded bytes, verifies the signature, makes the result durable.
    ///
    /// A crash or an error in here leaves the intent: `settle` burns the serial and sends the
    /// order back to `ready`. Nobody holds the certificate before the result is durable.
    pub async fn sign(
        &self,
        recorded: Recorded,
        ledger: &dyn Ledger,
        now: Timestamp,
    ) -> Result<Issued, IssuanceError> {
        let Recorded {
            intent,
            actor,
            place,
        } = recorded;
        let algorithm = self.key().algorithm();
        let deadline = Instant::now() + self.signing_deadline();
        let signature = self.key().sign(&intent.tbs_der, deadline).await?;
        drop(place);
        self.certificate()
            .public_key()
            .verify(algorithm, &intent.tbs_der, &signature)
            .map_err(|error| self.distrust(&error))?;
        let certificate = Certificate::assemble(&intent.tbs_der, algorithm, &signature)
            .map_err(|error| IssuanceError::Failed(error.to_string()))?;
        let event = Event {
            at: now,
            kind: EventKind::CertificateIssued,
            actor,
            subject: intent.serial.to_string(),
            details: json!({
                "issuer": intent.issuer,
                "fingerprint_sha256": hex::lower(&certificate.fingerprint_sha256()),
            }),
        };
        ledger
            .record_result(&intent.issuer, &intent.serial, certificate.der(), event)
            .await?;
        Ok(Issued {
            certificate,
            issuer: intent.issuer,
        })
    }

    /// A signer that signs wrongly is away as far as anybody asking is concerned.
    fn distrust(&self, error: &(dyn std::error::Error + 'static)) -> IssuanceError {
        let issuer = self.name();
        tracing::error!(issuer, error, "a signature is thrown away");
        self.key().distrust();
        KeyError::Device(format!("issuer {issuer}: {error}")).into()
    }

    fn template(&self, approved: &Approved, serial: Serial) -> Template {
        let profile = &approved.profile;
        let pointers = Pointers::of(self, profile);
        Template {
            serial,
            signature_algorithm: self.key().algorithm(),
            issuer_der: self.certificate().subject_der().to_vec(),
            subject_der: approved.subject_der.clone(),
            validity: approved.validity,
            public_key: approved.public_key.clone(),
            kept_key_identifier: None,
            authority_key_identifier: Some(self.key_identifier().to_vec()),
            role: match profile.holder {
                Holder::EndEntity => Role::EndEntity,
                Holder::OcspResponder => Role::OcspResponder,
            },
            extended_key_usage: profile.extended_key_usage.clone(),
            sans: approved.claim.identifiers.iter().cloned().collect(),
            crl_urls: pointers.crl,
            ocsp_urls: pointers.ocsp,
            issuer_urls: pointers.issuer,
            no_revocation_available: profile.revocation == RevocationRule::NoneNeeded
                && profile.holder == Holder::EndEntity,
            must_staple: approved.must_staple,
            ci_claims: approved.ci_claims.clone(),
        }
    }
}

impl Recorded {
    /// Returns the issuer's configured name.
    pub fn issuer(&self) -> &str {
        &self.intent.issuer
    }

    /// Returns the spent serial.
    pub fn serial(&self) -> &Serial {
        &self.intent.serial
    }
}

impl Issued {
    /// Returns the certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Gives the certificate away.
    pub fn into_certificate(self) -> Certificate {
        self.certificate
    }

    /// Returns the issuer's configured name.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns notBefore and notAfter.
    pub fn validity(&self) -> Validity {
        self.certificate.validity()
    }
}

struct Pointers {
    crl: Vec<String>,
    ocsp: Vec<String>,
    issuer: Vec<String>,
}

impl Pointers {
    fn of(issuer: &Issuer, profile: &Profile) -> Self {
        let included = |pointer: Pointer, url: &str| match pointer {
            Pointer::Included => vec![url.to_owned()],
            Pointer::LeftOut => Vec::new(),
        };
        match (&profile.revocation, profile.holder) {
            (RevocationRule::Published { crl, ocsp }, Holder::EndEntity) => Self {
                crl: included(*crl, issuer.crl_url()),
                ocsp: included(*ocsp, issuer.ocsp_url()),
                issuer: vec![issuer.certificate_url().to_owned()],
            },
            (RevocationRule::NoneNeeded, Holder::EndEntity) => Self {
                crl: Vec::new(),
                ocsp: Vec::new(),
                issuer: vec![issuer.certificate_url().to_owned()],
            },
            (
                RevocationRule::Published { .. } | RevocationRule::NoneNeeded,
                Holder::OcspResponder,
            ) => Self {
                crl: Vec::new(),
                ocsp: Vec::new(),
                issuer: Vec::new(),
            },
        }
    }
}

/// On top of the signing deadline: what a slow commit may take before a serial is given up.
const SETTLE_MARGIN: Duration = Duration::from_secs(15);
