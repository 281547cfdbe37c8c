//! Renewal: the same names and profile for a new key, as long as the grant stands.

use ca_issuance::audit::{Event, EventKind};
use ca_issuance::ledger::{CertificateRecord, CertificateState};
use ca_issuance::{Actor, IssuanceError, Rule, Violation};
use ca_pki::{Identifier, Serial};
use serde::Deserialize;
use serde_json::json;

use super::Answered;
use super::issue::{Asked, idempotency};
use super::request::{RenewalRequest, read_csr, request_hash};
use crate::standing::Standing;
use crate::{Access, Error, Identity, Principal};

/// The part of a certificate's provenance that renewal goes by.
#[derive(Deserialize)]
struct Provenance {
    principal: Option<Principal>,
}

impl Access {
    /// Issues a successor of the certificate that the caller shows.
    ///
    /// Whoever got the certificate is judged once more by the present grants and roles, with the
    /// claims that were known then, and must still stand: a client that was removed renews nothing.
    /// A certificate that came without a grant is judged by the grants for its own names.
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
        let principal = first_asker(&record, identity)?;
        let actor = Actor::Identity {
            name: principal.name(),
            via: Some(identity.principal.name()),
        };
        let standing = self.standing_to_renew(&principal, record.recorded_at);
        if standing.await? == Standing::Ended {
            return Err(self.refuse_renewal(identity, &record, actor).await?);
        }
        let asked = Asked {
            identity,
            actor,
            role: self.role_of(&principal),
            principal: &principal,
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

    /// Writes down that there is nobody any more to renew for, and returns it.
    async fn refuse_renewal(
        &self,
        identity: &Identity,
        record: &CertificateRecord,
        actor: Actor,
    ) -> Result<Error, Error> {
        let names: Vec<String> = record
            .identifiers
            .iter()
            .map(Identifier::to_string)
            .collect();
        let event = Event {
            at: self.corridor.clock().now(),
            kind: EventKind::CertificateRefused,
            actor,
            subject: record.serial.to_string(),
            details: json!({
                "door": "api",
                "profile": record.profile,
                "identifiers": names,
                "address": identity.address,
                "violations": [ASKER_ENDED],
            }),
        };
        self.store.note(event).await?;
        let violation = Violation {
            rule: Rule::Grant,
            identifier: None,
            detail: ASKER_ENDED.to_owned(),
        };
        Ok(IssuanceError::Refused(vec![violation]).into())
    }
}

/// Returns who got the certificate, as they were known then.
fn first_asker(record: &CertificateRecord, identity: &Identity) -> Result<Principal, Error> {
    let Some(kept) = &record.provenance else {
        return Ok(identity.principal.clone());
    };
    let provenance: Provenance = serde_json::from_value(kept.clone())
        .map_err(|error| Error::Inconsistent(format!("{}: {error}", record.serial)))?;
    Ok(provenance
        .principal
        .unwrap_or_else(|| identity.principal.clone()))
}

const ASKER_ENDED: &str =
    "the client, operator token or certificate that got this certificate has ended";
