//! revokeCert (RFC 8555 §7.6).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_issuance::ledger::{CertificateRecord, RevokeOutcome};
use ca_issuance::{Actor, IssuanceError};
use ca_pki::Certificate;
use ca_pki::crl::RevocationReason;
use serde::Deserialize;
use serde_json::Number;

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
        let actor = match &request {
            SignedRequest::Account(request) => {
                self.require_right(&request.account, &record).await?;
                request.account.actor()
            }
            SignedRequest::Key(request) if request.jwk.key() == certificate.public_key() => {
                Actor::CertificateKey {
                    serial: record.serial.to_string(),
                }
            }
            SignedRequest::Key(_) => {
                return Err(unauthorized(
                    "the request is not signed with the certificate's key",
                ));
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

    async fn require_right(
        &self,
        account: &Account,
        record: &CertificateRecord,
    ) -> Result<(), Error> {
        if record.requested_by == account.actor().to_string() {
            return Ok(());
        }
        // A certificate without names (an OCSP responder's) is nobody's by its names.
        let names = &record.identifiers;
        if !names.is_empty()
            && self
                .store
                .holds_authorizations(&account.id, names, self.now())
                .await?
        {
            return Ok(());
        }
        Err(unauthorized(
            "the account neither got this certificate nor holds valid authorizations for all its names",
        ))
    }
}

impl SignedRequest {
    fn payload(&self) -> &Payload {
        match self {
            Self::Account(request) => &request.payload,
            Self::Key(request) => &request.payload,
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
