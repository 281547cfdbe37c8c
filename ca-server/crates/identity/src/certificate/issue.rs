//! Issuing by grant.

use std::collections::BTreeSet;
use std::time::Duration;

use ca_issuance::audit::{Event, EventKind};
use ca_issuance::entitlement::Idempotency;
use ca_issuance::ledger::{CertificateRecord, CertificateState, EarlierRequest};
use ca_issuance::profile::Profile;
use ca_issuance::{Actor, Entitlement, EntitlementClaim, IssuanceError};
use ca_pki::{Csr, Identifier, Timestamp};
use serde_json::json;

use super::request::{read_csr, request_hash};
use super::{Answered, CertificateRequest, Freshness, Lifetime, names_of};
use crate::grant::{GrantRequest, Granted, Refusal, Verdict};
use crate::{Access, Error, Identity, Principal, Role};

/// A request read and understood, before anybody judged it.
pub(super) struct Asked<'a> {
    pub(super) identity: &'a Identity,
    /// Whose grants count: the identity itself, or whoever asked for the certificate to renew.
    pub(super) principal: &'a Principal,
    pub(super) role: Option<Role>,
    pub(super) actor: Actor,
    pub(super) csr: Csr,
    pub(super) profile: String,
    pub(super) identifiers: BTreeSet<Identifier>,
    pub(super) lifetime: Option<Duration>,
    pub(super) idempotency: Option<Idempotency>,
    /// The serial of the certificate that this one follows.
    pub(super) renews: Option<String>,
}

impl Access {
    /// Issues a certificate that one grant of the caller allows as a whole.
    ///
    /// The same request under the same idempotency key is answered with the same certificate. A
    /// refusal tells every rule that failed and is in the audit log.
    pub async fn issue(
        &self,
        identity: &Identity,
        request: CertificateRequest,
    ) -> Result<Answered, Error> {
        if request.profile.len() > LONGEST_PROFILE_BYTES {
            let detail = "there is no profile with so long a name: see GET /api/v1/profiles";
            return Err(Error::Malformed(detail.to_owned()));
        }
        let csr = read_csr(&request.unverified_csr)?;
        let hash = request_hash("issue", &csr, &request.profile, request.lifetime);
        let identifiers = names_of(&csr, self.corridor.profile(&request.profile));
        let asked = Asked {
            identity,
            principal: &identity.principal,
            role: identity.role,
            actor: identity.actor(),
            idempotency: idempotency(identity, request.idempotency_key, hash),
            csr,
            profile: request.profile,
            identifiers,
            lifetime: request.lifetime,
            renews: None,
        };
        self.answer_or_issue(asked).await
    }

    /// Looks whether the request came before, else issues.
    pub(super) async fn answer_or_issue(&self, asked: Asked<'_>) -> Result<Answered, Error> {
        if let Some(answer) = self.answered_before(asked.idempotency.as_ref()).await? {
            return Ok(answer);
        }
        let idempotency = asked.idempotency.clone();
        match self.issue_by_grant(asked).await {
            // The same request came twice at once, and the other one was first.
            Err(Error::Issuance(IssuanceError::Duplicate)) => self
                .answered_before(idempotency.as_ref())
                .await?
                .ok_or(Error::Issuance(IssuanceError::Duplicate)),
            result => result,
        }
    }

    async fn issue_by_grant(&self, asked: Asked<'_>) -> Result<Answered, Error> {
        let now = self.corridor.clock().now();
        let request = GrantRequest {
            principal: asked.principal,
            role: asked.role,
            profile: &asked.profile,
            identifiers: &asked.identifiers,
            address: Some(asked.identity.address),
            at: now,
        };
        let granted = match self.judge(request).await? {
            Verdict::Granted(granted) => granted,
            Verdict::Refused(refusal) => return Err(self.refuse(&asked, refusal, now).await?),
        };
        let profile = self.corridor.profile(&asked.profile).ok_or_else(|| {
            Error::Inconsistent(format!(
                "a grant names a profile {:?} that is not there",
                asked.profile
            ))
        })?;
        let lifetime = Lifetime::of(asked.lifetime, &granted, profile);
        let claim = self.claim(&asked, &granted, profile, lifetime.not_after(profile, now));

        let (actor, identifiers) = (asked.actor, asked.identifiers);
        let key_fingerprint = asked.csr.public_key().fingerprint_sha256();
        let provenance = claim.provenance.clone();
        let issued = self
            .corridor
            .issue(asked.csr, Entitlement::attest(claim))
            .await?;
        let warnings = lifetime.warnings(&issued, profile);
        let record = CertificateRecord {
            serial: issued.certificate().serial().clone(),
            issuer: issued.issuer().to_owned(),
            profile: asked.profile,
            identifiers: identifiers.into_iter().collect(),
            validity: issued.validity(),
            key_fingerprint,
            requested_by: actor.to_string(),
            requester: actor.requester(),
            order: None,
            grant: Some(granted.grant.name.clone()),
            provenance,
            recorded_at: now,
            state: CertificateState::Valid,
            der: Some(issued.certificate().der().to_vec()),
        };
        Ok(Answered {
            chain: self.chain_of(&record.issuer),
            certificate: issued.into_certificate(),
            record,
            warnings,
            freshness: Freshness::Issued,
        })
    }

    fn claim(
        &self,
        asked: &Asked<'_>,
        granted: &Granted,
        profile: &Profile,
        not_after: Option<Timestamp>,
    ) -> EntitlementClaim {
        let provenance = json!({
            "door": "api",
            "principal": asked.principal,
            "address": asked.identity.address,
            "grant": granted.grant.name,
            "lifetime_secs": asked.lifetime.map(|span| span.as_secs()),
            "renews": asked.renews,
        });
        EntitlementClaim {
            not_after,
            subject: granted.subject.clone(),
            claims: self.ci_claims(asked.principal),
            grant: Some(granted.grant_use.clone()),
            idempotency: asked.idempotency.clone(),
            provenance: Some(provenance),
            ..EntitlementClaim::new(
                asked.actor.clone(),
                asked.identifiers.clone(),
                profile.name.clone(),
            )
        }
    }

    /// Writes the refusal with every rule of every grant, and returns it.
    async fn refuse(
        &self,
        asked: &Asked<'_>,
        refusal: Refusal,
        now: Timestamp,
    ) -> Result<Error, Error> {
        let identifiers: Vec<String> = asked
            .identifiers
            .iter()
            .map(Identifier::to_string)
            .collect();
        let event = Event {
            at: now,
            kind: EventKind::CertificateRefused,
            actor: asked.actor.clone(),
            subject: asked.renews.clone().unwrap_or_default(),
            details: json!({
                "door": "api",
                "profile": asked.profile,
                "identifiers": identifiers,
                "address": asked.identity.address,
                "refusal": refusal.to_json(),
            }),
        };
        self.store.note(event).await?;
        Ok(Error::NotGranted(Box::new(refusal)))
    }

    /// Finds what the same request was answered with before; waits a moment while another server
    /// or task works on it.
    async fn answered_before(
        &self,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<Answered>, Error> {
        for _look in 0..LOOKS {
            match self.look_for_answer(idempotency).await {
                Err(Error::Unavailable { .. }) => tokio::time::sleep(BETWEEN_LOOKS).await,
                found => return found,
            }
        }
        self.look_for_answer(idempotency).await
    }

    async fn look_for_answer(
        &self,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<Answered>, Error> {
        let Some(asked) = idempotency else {
            return Ok(None);
        };
        let ledger = self.corridor.ledger();
        let earlier = ledger
            .idempotent(&asked.actor, &asked.key, self.corridor.clock().now())
            .await?;
        let Some(EarlierRequest {
            request_hash,
            issuer,
            serial,
        }) = earlier
        else {
            return Ok(None);
        };
        if request_hash != asked.request_hash {
            return Err(Error::IdempotencyMismatch);
        }
        let record = ledger.certificate(&issuer, &serial).await?;
        let record = record.ok_or_else(|| {
            Error::Inconsistent(format!(
                "an idempotency key names {serial}, which is not there"
            ))
        })?;
        match record.state {
            CertificateState::Valid | CertificateState::Revoked { .. } => {
                self.answered(record).map(Some)
            }
            // Being signed, or given up a moment ago: the key is free again then.
            CertificateState::Intended | CertificateState::Burned { .. } => {
                Err(Error::Unavailable {
                    retry_after: SIGNING,
                    source: "the same request is being worked on".into(),
                })
            }
        }
    }
}

/// Binds an idempotency key to whoever sent it.
pub(super) fn idempotency(
    identity: &Identity,
    key: Option<String>,
    request_hash: [u8; 32],
) -> Option<Idempotency> {
    key.map(|key| Idempotency {
        actor: identity.principal.key(),
        key,
        request_hash,
    })
}

/// Most signatures are made long before.
const LOOKS: u32 = 40;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
const LONGEST_PROFILE_BYTES: usize = 128;
const SIGNING: Duration = Duration::from_secs(1);
