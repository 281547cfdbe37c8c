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
    ///
    /// The work runs on the task tracker: a revocation whose asker hangs up is announced too, else
    /// this server would go on answering from its cache that the certificate is good.
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
        let (corridor, issuer, serial) = (Arc::clone(self), issuer.to_owned(), serial.clone());
        let revoking = self.tasks.spawn(async move {
            let outcome = corridor
                .ledger
                .revoke(&issuer, &serial, reason, event)
                .await?;
            if outcome == RevokeOutcome::Revoked {
                corridor.announce(reason);
            }
            Ok(outcome)
        });
        revoking
            .await
            .map_err(|error| IssuanceError::Failed(error.to_string()))?
    }

    fn announce(&self, reason: RevocationReason) {
        self.revocations.send_modify(|count| *count += 1);
        metrics::counter!("ca_revocations_total", "reason" => reason.to_string()).increment(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::CertificateState;
    use crate::testing::World;

    #[tokio::test]
    async fn announces_a_revocation_whose_asker_hangs_up() {
        let world = World::at_noon();
        let serial = world.insert("0102", CertificateState::Valid);
        let mut revocations = world.corridor.watch_revocations();

        let reason = RevocationReason::KeyCompromise;
        let revoking = world
            .corridor
            .revoke("tls", &serial, reason, &Actor::System);
        tokio::select! {
            biased;
            _ = revoking => panic!("it runs on another task"),
            () = std::future::ready(()) => {} // the asker hangs up after the first step
        }
        world.corridor.tasks.close();
        world.corridor.tasks.wait().await;

        assert!(revocations.has_changed().expect("the corridor lives"));
        assert_eq!(*revocations.borrow_and_update(), 1);
    }
}
