//! Renewal: the same names and profile for a new key, as long as the grant stands.

use ca_issuance::Actor;
use ca_issuance::ledger::{CertificateRecord, CertificateState};
use ca_pki::Serial;
use serde::Deserialize;

use super::Answered;
use super::issue::{Asked, idempotency};
use super::request::{RenewalRequest, read_csr, request_hash};
use crate::{Access, Error, Identity, Principal, Role};

/// The part of a certificate's provenance that renewal goes by.
#[derive(Deserialize)]
struct Provenance {
    principal: Option<Principal>,
    role: Option<Role>,
}

impl Access {
    /// Issues a successor of the certificate that the caller shows.
    ///
    /// Whoever got the certificate is judged once more by the present grants, with what was known
    /// of them then. A certificate that came without a grant is judged by the grants for its own
    /// names.
    pub async fn renew(
        &self,
        identity: &Identity,
        request: RenewalRequest,
    ) -> Result<Answered, Error> {
        let record = self.shown(identity).await?;
        let csr = read_csr(&request.unverified_csr)?;
        if csr.public_key().fingerprint_sha256() == record.key_fingerprint {
            let detail = "the CSR holds the key of the certificate to renew: make a new key";
            return Err(Error::Malformed(detail.to_owned()));
        }
        let purpose = format!("renew {}", record.serial);
        let hash = request_hash(&purpose, &csr, &record.profile, request.lifetime);
        let (principal, role) = first_asker(&record, identity)?;
        let asked = Asked {
            identity,
            actor: Actor::Identity {
                name: principal.name(),
                via: Some(identity.principal.name()),
            },
            principal: &principal,
            role,
            csr,
            profile: record.profile.clone(),
            identifiers: record.identifiers.iter().cloned().collect(),
            lifetime: request.lifetime,
            idempotency: idempotency(identity, request.idempotency_key, hash),
            renews: Some(record.serial.to_string()),
        };
        self.answer_or_issue(asked).await
    }

    /// Reads the certificate that the caller is known by.
    async fn shown(&self, identity: &Identity) -> Result<CertificateRecord, Error> {
        let Principal::Certificate { issuer, serial, .. } = &identity.principal else {
            let detail = "renewal wants the certificate to renew as the TLS client certificate, and no bearer token";
            return Err(Error::Forbidden(detail.to_owned()));
        };
        let serial =
            Serial::parse_hex(serial).map_err(|error| Error::Inconsistent(error.to_string()))?;
        let record = self.corridor.ledger().certificate(issuer, &serial).await?;
        record
            .filter(|record| record.state == CertificateState::Valid)
            .ok_or(Error::NotFound)
    }
}

/// Returns who got the certificate, as they were known then.
fn first_asker(
    record: &CertificateRecord,
    identity: &Identity,
) -> Result<(Principal, Option<Role>), Error> {
    let Some(kept) = &record.provenance else {
        return Ok((identity.principal.clone(), None));
    };
    let provenance: Provenance = serde_json::from_value(kept.clone())
        .map_err(|error| Error::Inconsistent(format!("{}: {error}", record.serial)))?;
    match provenance.principal {
        Some(principal) => Ok((principal, provenance.role)),
        None => Ok((identity.principal.clone(), None)),
    }
}
