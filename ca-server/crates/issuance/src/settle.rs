//! Settling: what a crash or an error left between intent and result is brought to an end.
//!
//! This is the same step that a failed signature takes at once, so recovery is the normal path.

use std::sync::atomic::{AtomicI64, Ordering};

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

/// The clock by which intents are given up: the store's, which all servers share. Their own may be
/// minutes apart, and an intent has less than half of one.
#[derive(Default)]
pub(crate) struct SharedClock {
    /// By how many seconds it is ahead of this server's.
    ahead: AtomicI64,
}

impl SharedClock {
    /// Tells what it says at this moment of the server's own.
    pub(crate) fn at(&self, own: Timestamp) -> Timestamp {
        let ahead = self.ahead.load(Ordering::Relaxed);
        Timestamp::from_unix_secs(own.unix_secs().saturating_add(ahead))
    }

    fn compare(&self, shared: Timestamp, own: Timestamp) {
        let ahead = shared.unix_secs().saturating_sub(own.unix_secs());
        self.ahead.store(ahead, Ordering::Relaxed);
    }
}

impl Corridor {
    /// Compares the server's clock with the one that all servers share: at the start, then each
    /// minute.
    pub async fn compare_clocks(&self) -> Result<(), LedgerError> {
        let shared = self.ledger.shared_moment().await?;
        self.shared_clock.compare(shared, self.clock.now());
        Ok(())
    }

    /// Burns unfinished serials and sends their orders back to `ready`. Returns how many.
    pub async fn settle(&self, which: Settle) -> Result<usize, IssuanceError> {
        self.compare_clocks().await?;
        let moment = match which {
            Settle::Overdue => self.shared_clock.at(self.clock.now()),
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
