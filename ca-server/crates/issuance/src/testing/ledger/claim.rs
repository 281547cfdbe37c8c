//! What an intent takes beside its serial: an idempotency key, a use of its grant.

use ca_pki::{Serial, Timestamp};

use super::State;
use crate::entitlement::{GrantKept, GrantUse, Idempotency};
use crate::ledger::{CertificateRecord, CertificateState, EarlierRequest, Intent, LedgerError};

impl State {
    pub(super) fn take_idempotency_key(&mut self, intent: &Intent) -> Result<(), LedgerError> {
        let Some(asked) = &intent.idempotency else {
            return Ok(());
        };
        let key = (asked.actor.clone(), asked.key.clone());
        let is_taken = self.requests.get(&key);
        if is_taken.is_some_and(|(_, until)| intent.recorded_at < *until) {
            return Err(LedgerError::Duplicate);
        }
        let request = EarlierRequest {
            request_hash: asked.request_hash,
            issuer: intent.issuer.clone(),
            serial: intent.serial.clone(),
        };
        let until = intent.recorded_at.plus(Idempotency::KEPT);
        self.requests.insert(key, (request, until));
        Ok(())
    }

    pub(super) fn earlier_request(
        &self,
        actor: &str,
        key: &str,
        moment: Timestamp,
    ) -> Option<EarlierRequest> {
        let found = self.requests.get(&(actor.to_owned(), key.to_owned()));
        let live = found.filter(|(_, until)| moment < *until);
        live.map(|(request, _)| request.clone())
    }

    pub(super) fn require_grant(&self, intent: &Intent) -> Result<(), LedgerError> {
        let withdrawn = |grant: &&GrantUse| match grant.kept {
            GrantKept::Configuration => false,
            GrantKept::Store { .. } => self.withdrawn.contains(&grant.name),
        };
        match intent.grant.as_ref().filter(withdrawn) {
            Some(_) => Err(LedgerError::GrantWithdrawn),
            None => Ok(()),
        }
    }

    pub(super) fn use_grant(&mut self, intent: &Intent) -> Result<(), LedgerError> {
        let Some((name, limit)) = limited(intent) else {
            return Ok(());
        };
        let used = self.uses.entry(name).or_default();
        if *used >= limit {
            self.requests
                .retain(|_, (request, _)| request.serial != intent.serial);
            return Err(LedgerError::GrantUsedUp);
        }
        *used += 1;
        Ok(())
    }

    /// Frees what the intent of a burned serial took.
    pub(super) fn give_back(&mut self, serial: &Serial) {
        self.requests
            .retain(|_, (request, _)| request.serial != *serial);
        let intent = self.intents.iter().find(|intent| intent.serial == *serial);
        if let Some((name, _)) = intent.and_then(limited) {
            let used = self.uses.entry(name).or_default();
            *used = used.saturating_sub(1);
        }
    }
}

fn limited(intent: &Intent) -> Option<(String, u64)> {
    let grant = intent.grant.as_ref()?;
    Some((grant.name.clone(), grant.limit?))
}

/// Makes the record of an intent.
pub(super) fn intended(intent: &Intent) -> CertificateRecord {
    CertificateRecord {
        serial: intent.serial.clone(),
        issuer: intent.issuer.clone(),
        profile: intent.profile.clone(),
        identifiers: intent.identifiers.clone(),
        validity: intent.validity,
        key_fingerprint: intent.key_fingerprint,
        requested_by: intent.requested_by.to_string(),
        requester: intent.requested_by.requester(),
        order: intent.order.clone(),
        grant: intent.grant.as_ref().map(|grant| grant.name.clone()),
        provenance: intent.provenance.clone(),
        recorded_at: intent.recorded_at,
        state: CertificateState::Intended,
        der: None,
    }
}
