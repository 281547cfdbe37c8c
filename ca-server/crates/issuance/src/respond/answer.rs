//! One answer: statuses looked up, signed, kept if it will stay true.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use ca_keys::{KeyError, SigningKey};
use ca_pki::crl::RevocationReason;
use ca_pki::ocsp::{self, CertId, CertStatus, OcspRequest, ResponseTemplate, SingleResponse};
use ca_pki::{Timestamp, hex};

use super::{AnswerError, Freshness, OcspAnswer, OcspResponder, Rendition, ResponderIdentity};
use crate::ledger::{CertificateState, LedgerError};

impl OcspResponder {
    /// Answers a request.
    ///
    /// CertIDs of other issuers beside ours are answered `unknown`. Serials that were never
    /// issued are `unknown` too, and such answers are not kept: the serial may be issued later.
    pub async fn answer(&self, request: &OcspRequest) -> Result<OcspAnswer, AnswerError> {
        let now = self.clock.now();
        let generation = self.generation();
        let place = cache_place(request);
        if let Some(kept) = place.and_then(|place| self.answers.find(place, generation, now))
            && self.is_still(generation).await
        {
            return Ok(kept);
        }
        let is_ours = |cert_id: &CertId| self.issuer_hashes.named_by(cert_id);
        if !request.cert_ids.iter().any(is_ours) {
            return Err(AnswerError::NotOurs);
        }
        let identity = self.identity_at(now).ok_or(AnswerError::NoIdentity)?;

        let (responses, permanence) = self.look_up_all(request, &identity, now).await?;
        let next_update = responses
            .iter()
            .map(|single| single.next_update)
            .min()
            .unwrap_or(now);
        let template = ResponseTemplate {
            responder_key_hash: identity.key_hash(),
            produced_at: now,
            responses,
            nonce: request.nonce.clone(),
        };
        let der = sign(&identity, &template).await?;
        let may_be_kept = permanence == Permanence::Lasting && request.nonce.is_none();
        let freshness = may_be_kept.then(|| Freshness::new(&der, now, next_update));
        let answer = OcspAnswer {
            der,
            freshness,
            rendition: Rendition::default(),
        };
        if let Some(place) = place {
            self.answers.keep(place, generation, &answer);
        }
        Ok(answer)
    }

    async fn look_up_all(
        &self,
        request: &OcspRequest,
        identity: &ResponderIdentity,
        now: Timestamp,
    ) -> Result<(Vec<SingleResponse>, Permanence), LedgerError> {
        let latest = now
            .plus(self.schedule.lifetime)
            .min(identity.validity().not_after);
        let mut responses = Vec::with_capacity(request.cert_ids.len());
        let mut permanence = Permanence::Lasting;
        for cert_id in &request.cert_ids {
            let known = self.look_up(cert_id).await?;
            if known.permanence == Permanence::Passing {
                permanence = Permanence::Passing;
            }
            let end = known.certificate_end.filter(|end| *end > now);
            responses.push(SingleResponse {
                cert_id: cert_id.clone(),
                status: known.status,
                this_update: now,
                next_update: end.map_or(latest, |end| end.min(latest)),
            });
        }
        Ok((responses, permanence))
    }

    async fn look_up(&self, cert_id: &CertId) -> Result<Known, LedgerError> {
        let serial = match &cert_id.serial {
            Some(serial) if self.issuer_hashes.named_by(cert_id) => serial,
            Some(_) | None => return Ok(Known::NOTHING),
        };
        let standing = self.ledger.standing(self.issuer.name(), serial).await?;
        let Some(standing) = standing else {
            return Ok(Known::NOTHING);
        };
        let status = match standing.state {
            // Not handed out, and perhaps burned in a moment.
            CertificateState::Intended => return Ok(Known::NOTHING),
            CertificateState::Valid => CertStatus::Good,
            CertificateState::Revoked { at, reason } => CertStatus::Revoked { at, reason },
            CertificateState::Burned { at } => CertStatus::Revoked {
                at,
                reason: RevocationReason::Unspecified,
            },
        };
        Ok(Known {
            status,
            permanence: Permanence::Lasting,
            certificate_end: Some(standing.not_after),
        })
    }
}

/// What the ledger knows of one certificate.
struct Known {
    status: CertStatus,
    permanence: Permanence,
    certificate_end: Option<Timestamp>,
}

/// Whether a status stays true until a revocation is counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Permanence {
    Lasting,
    Passing,
}

impl Known {
    const NOTHING: Self = Self {
        status: CertStatus::Unknown,
        permanence: Permanence::Passing,
        certificate_end: None,
    };
}

impl Freshness {
    fn new(der: &[u8], this_update: Timestamp, next_update: Timestamp) -> Self {
        let hash = digest(&SHA256, der);
        Self {
            this_update,
            next_update,
            etag: hex::lower(hash.as_ref()).into(),
        }
    }
}

/// Returns under what an answer is kept: the CertID as it came, if there is one and no nonce.
fn cache_place(request: &OcspRequest) -> Option<&[u8]> {
    match (request.cert_ids.as_slice(), &request.nonce) {
        ([cert_id], None) => Some(&cert_id.der),
        (_, _) => None,
    }
}

/// Signs with the key in memory. The signature is not verified here as the corridor does: a wrong
/// one certifies nothing, its reader refuses it, and verifying costs three times the signing.
async fn sign(
    identity: &ResponderIdentity,
    template: &ResponseTemplate,
) -> Result<Arc<[u8]>, KeyError> {
    let tbs = template.to_be_signed();
    let signature = identity
        .key()
        .sign(&tbs, Instant::now() + SIGNING_DEADLINE)
        .await?;
    let algorithm = identity.key().algorithm();
    Ok(ocsp::assemble(&tbs, algorithm, &signature, identity.certificate()).into())
}

/// A software key takes microseconds; this only bounds a machine that is drowned in work.
const SIGNING_DEADLINE: Duration = Duration::from_secs(5);
