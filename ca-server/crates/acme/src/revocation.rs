//! revokeCert (RFC 8555 §7.6).

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_issuance::audit::{Event, EventKind};
use ca_issuance::ledger::{CertificateRecord, RevokeOutcome};
use ca_issuance::{Actor, IssuanceError};
use ca_pki::Certificate;
use ca_pki::crl::RevocationReason;
use serde::Deserialize;
use serde_json::{Number, json};

use crate::account::Account;
use crate::acme::Acme;
use crate::request::{Payload, SignedRequest};
use crate::{Error, Problem, ProblemKind};

#[derive(Debug, Deserialize)]
struct RevocationRequest {
    certificate: String,
    reason: Option<Number>,
}

impl Acme {
    /// Revokes a certificate for who got it, who controls all its names, or who holds its key.
    pub async fn revoke_certificate(&self, request: SignedRequest) -> Result<(), Error> {
        let wanted: RevocationRequest = request.payload().read()?;
        let certificate = parse_certificate(&wanted.certificate)?;
        let reason = parse_reason(wanted.reason.as_ref())?;
        let record = self.issued_here(&certificate).await?;
        let actor = match self
            .right_to_revoke(&request, &certificate, &record)
            .await?
        {
            Right::Has(actor) => actor,
            Right::Lacks(actor, detail) => {
                self.note_refused_revocation(&request, &record, actor, detail)
                    .await?;
                return Err(unauthorized(detail));
            }
        };
        let revoked = self
            .corridor
            .revoke(&record.issuer, &record.serial, reason, &actor);
        match revoked.await? {
            RevokeOutcome::Revoked => Ok(()),
            RevokeOutcome::AlreadyRevoked => {
                let detail = "the certificate was revoked before";
                Err(Problem::new(ProblemKind::AlreadyRevoked, detail).into())
            }
            RevokeOutcome::Unknown => Err(unknown()),
        }
    }

    /// Finds what the store knows of a certificate, which must be the very same, octet for octet.
    async fn issued_here(&self, certificate: &Certificate) -> Result<CertificateRecord, Error> {
        let issuer = certificate
            .extensions()
            .authority_key_identifier
            .as_deref()
            .and_then(|identifier| self.corridor.issuer_by_key_identifier(identifier))
            .ok_or_else(unknown)?;
        let record = self
            .corridor
            .ledger()
            .certificate(issuer.name(), certificate.serial())
            .await
            .map_err(IssuanceError::from)?;
        record
            .filter(|record| record.der.as_deref() == Some(certificate.der()))
            .ok_or_else(unknown)
    }

    async fn right_to_revoke(
        &self,
        request: &SignedRequest,
        certificate: &Certificate,
        record: &CertificateRecord,
    ) -> Result<Right, Error> {
        Ok(match request {
            SignedRequest::Account(request) => {
                let actor = request.account.actor();
                match self.may_revoke(&request.account, record).await? {
                    true => Right::Has(actor),
                    false => Right::Lacks(actor, NOT_ITS_OWN),
                }
            }
            SignedRequest::Key(request) if request.jwk.key() == certificate.public_key() => {
                Right::Has(Actor::CertificateKey {
                    serial: record.serial.to_string(),
                })
            }
            SignedRequest::Key(_) => Right::Lacks(Actor::System, NOT_ITS_KEY),
        })
    }

    /// Tells whether an account got the certificate or shows control of all its names. Granted
    /// names show none.
    async fn may_revoke(
        &self,
        account: &Account,
        record: &CertificateRecord,
    ) -> Result<bool, Error> {
        if record.requested_by == account.actor().to_string() {
            return Ok(true);
        }
        // A certificate without names (an OCSP responder's) is nobody's by its names.
        let names = &record.identifiers;
        Ok(!names.is_empty()
            && self
                .store
                .holds_authorizations(&account.id, names, self.now())
                .await?)
    }

    async fn note_refused_revocation(
        &self,
        request: &SignedRequest,
        record: &CertificateRecord,
        actor: Actor,
        violation: &str,
    ) -> Result<(), Error> {
        let event = Event {
            at: self.now(),
            kind: EventKind::CertificateRevocationRefused,
            actor,
            subject: record.serial.to_string(),
            details: json!({
                "issuer": record.issuer,
                "address": request.address(),
                "violations": [violation],
            }),
        };
        let ledger = self.corridor.ledger();
        Ok(ledger
            .append_event(event)
            .await
            .map_err(IssuanceError::from)?)
    }
}

/// Whether somebody may revoke a certificate.
enum Right {
    Has(Actor),
    /// Why not.
    Lacks(Actor, &'static str),
}

impl SignedRequest {
    fn payload(&self) -> &Payload {
        match self {
            Self::Account(request) => &request.payload,
            Self::Key(request) => &request.payload,
        }
    }

    fn address(&self) -> IpAddr {
        match self {
            Self::Account(request) => request.address,
            Self::Key(request) => request.address,
        }
    }
}

fn parse_certificate(unverified: &str) -> Result<Certificate, Error> {
    let der = URL_SAFE_NO_PAD
        .decode(unverified)
        .map_err(|_| Error::malformed("certificate is not base64url without padding"))?;
    Certificate::parse(&der).map_err(|reason| Error::malformed(reason.to_string()))
}

/// Takes the reasons that say something about a leaf (RFC 5280 §5.3.1); the others are about CAs,
/// attributes and holds.
fn parse_reason(unverified: Option<&Number>) -> Result<RevocationReason, Error> {
    let Some(number) = unverified else {
        return Ok(RevocationReason::Unspecified);
    };
    match number.as_u64() {
        Some(0) => Ok(RevocationReason::Unspecified),
        Some(1) => Ok(RevocationReason::KeyCompromise),
        Some(3) => Ok(RevocationReason::AffiliationChanged),
        Some(4) => Ok(RevocationReason::Superseded),
        Some(5) => Ok(RevocationReason::CessationOfOperation),
        Some(9) => Ok(RevocationReason::PrivilegeWithdrawn),
        Some(_) | None => {
            let detail = format!("reason {number} is not accepted: use one of 0, 1, 3, 4, 5, 9");
            Err(Problem::new(ProblemKind::BadRevocationReason, detail).into())
        }
    }
}

fn unknown() -> Error {
    Problem::malformed("the certificate was not issued here")
        .with_status(404)
        .into()
}

fn unauthorized(detail: &str) -> Error {
    Problem::new(ProblemKind::Unauthorized, detail).into()
}

const NOT_ITS_OWN: &str =
    "the account neither got this certificate nor holds valid authorizations for all its names";
const NOT_ITS_KEY: &str = "the request is not signed with the certificate's key";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_only_reasons_that_concern_leaves() {
        for code in [0, 1, 3, 4, 5, 9] {
            let reason = parse_reason(Some(&Number::from(code))).unwrap();
            assert_eq!(u64::from(reason.code()), code);
        }
        for code in [
            "-1", "2", "6", "7", "8", "10", "11", "255", "256", "1.5", "1e30",
        ] {
            let number = serde_json::from_str(code).unwrap();
            assert!(
                matches!(parse_reason(Some(&number)), Err(Error::Refused(problem))
                    if problem.kind == ProblemKind::BadRevocationReason),
                "{code}"
            );
        }
    }
}
