//! Revocation.

use std::sync::Arc;

use ca_pki::Serial;
use ca_pki::crl::RevocationReason;
use serde_json::json;

use crate::Actor;
use crate::audit::{Event, EventKind};
use crate::corridor::Corridor;
use crate::error::IssuanceError;
use crate::ledger::RevokeOutcome;

impl Corridor {
    /// Revokes a certificate; publishers and responders hear of it at once. Whether `actor` may
    /// do so is its door's decision.
    pub async fn revoke(
        self: &Arc<Self>,
        issuer: &str,
        serial: &Serial,
        reason: RevocationReason,
        actor: &Actor,
    ) -> Result<RevokeOutcome, IssuanceError> {
        let event = Event {
            at: self.clock.now(),
            kind: EventKind::CertificateRevoked,
            actor: actor.clone(),
            subject: serial.to_string(),
            details: json!({ "issuer": issuer, "reason": reason.to_string() }),
        };
        let outcome = self.ledger.revoke(issuer, serial, reason, event).await?;
        if outcome == RevokeOutcome::Revoked {
            self.revocations.send_modify(|count| *count += 1);
            metrics::counter!("ca_revocations_total", "reason" => reason.to_string()).increment(1);
        }
        Ok(outcome)
    }
}
