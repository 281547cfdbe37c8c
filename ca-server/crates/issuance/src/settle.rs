//! Settling: what a crash or an error left between intent and result is brought to an end.
//!
//! This is the same step that a failed signature takes at once, so recovery is the normal path.

use ca_pki::{Serial, Timestamp};
use serde_json::json;

use crate::Actor;
use crate::audit::{Event, EventKind};
use crate::corridor::Corridor;
use crate::error::IssuanceError;
use crate::ledger::LedgerError;

/// Which unfinished intents are given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settle {
    /// Those whose time is up: other servers may still be working on the rest.
    Overdue,
    /// Every one: no other server uses the store and this one has issued nothing yet.
    Everything,
}

impl Corridor {
    /// Burns unfinished serials and sends their orders back to `ready`. Returns how many.
    pub async fn settle(&self, which: Settle) -> Result<usize, IssuanceError> {
        let moment = match which {
            Settle::Overdue => self.clock.now(),
            Settle::Everything => Timestamp::from_unix_secs(i64::MAX),
        };
        let mut settled = 0;
        loop {
            let unfinished = self.ledger.unfinished(moment).await?;
            if unfinished.is_empty() {
                return Ok(settled);
            }
            let before = settled;
            for intent in &unfinished {
                match self.burn_recorded(&intent.issuer, &intent.serial).await {
                    Ok(()) => settled += 1,
                    Err(LedgerError::Conflict) => {}
                    Err(
                        error @ (LedgerError::Unavailable { .. }
                        | LedgerError::Corrupt(_)
                        | LedgerError::GrantUsedUp
                        | LedgerError::GrantWithdrawn
                        | LedgerError::Duplicate),
                    ) => return Err(error.into()),
                }
            }
            if settled == before {
                return Ok(settled);
            }
        }
    }

    /// Burns one serial now. Where that fails, the next settling does it.
    pub(crate) async fn burn(&self, issuer: &str, serial: &Serial) {
        if let Err(error) = self.burn_recorded(issuer, serial).await {
            tracing::warn!(%serial, issuer, %error, "serial left to the next settling");
        }
    }

    async fn burn_recorded(&self, issuer: &str, serial: &Serial) -> Result<(), LedgerError> {
        let event = Event {
            at: self.clock.now(),
            kind: EventKind::CertificateBurned,
            actor: Actor::System,
            subject: serial.to_string(),
            details: json!({ "issuer": issuer }),
        };
        self.ledger.burn(issuer, serial, event).await?;
        self.revocations.send_modify(|count| *count += 1);
        Ok(())
    }
}
