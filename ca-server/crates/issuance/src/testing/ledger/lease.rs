//! Leases in memory.

use std::time::Duration;

use ca_pki::Timestamp;
use tokio::sync::{Notify, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{MemoryLedger, State};
use crate::lease::{Fence, Lease};
use crate::ledger::LedgerError;

#[derive(Debug)]
pub(super) struct Row {
    holder: String,
    number: u64,
    until: Timestamp,
}

/// What every claim goes through.
#[derive(Debug, Default)]
pub(super) struct Gate {
    asked: Notify,
    open: RwLock<()>,
}

impl Gate {
    pub(super) async fn pass(&self) -> RwLockReadGuard<'_, ()> {
        self.asked.notify_one();
        self.open.read().await
    }
}

impl MemoryLedger {
    /// Holds up every claim until the guard is dropped.
    pub async fn hold_up_claims(&self) -> RwLockWriteGuard<'_, ()> {
        self.claims.open.write().await
    }

    /// Waits until somebody has asked for a lease.
    pub async fn claim_asked(&self) {
        self.claims.asked.notified().await;
    }

    /// Moves the clock that all servers share.
    pub fn advance(&self, span: Duration) {
        self.state().moment_secs += i64::try_from(span.as_secs()).expect("tests are short");
    }

    /// Gives the lease on `work` to `holder`, whoever has it.
    pub fn hand_over(&self, work: &str, holder: &str) -> Lease {
        let mut state = self.state();
        let moment = Timestamp::from_unix_secs(state.moment_secs);
        state.leases.entry(work.to_owned()).and_modify(|row| {
            row.until = moment;
        });
        let year = Duration::from_secs(365 * 24 * 3_600);
        let number = state.claim_lease(work, holder, (moment, year));
        Lease::held(work, number.expect("it was ended just now"))
    }
}

impl State {
    pub(super) fn claim_lease(
        &mut self,
        work: &str,
        holder: &str,
        (moment, span): (Timestamp, Duration),
    ) -> Option<u64> {
        let row = self.leases.entry(work.to_owned()).or_insert_with(|| Row {
            holder: holder.to_owned(),
            number: 1,
            until: moment,
        });
        if row.holder != holder {
            if moment < row.until {
                return None;
            }
            row.number += 1;
            row.holder = holder.to_owned();
        }
        row.until = moment.plus(span);
        Some(row.number)
    }

    pub(super) fn end_lease(&mut self, work: &str, holder: &str) {
        let row = self.leases.get_mut(work);
        if let Some(row) = row.filter(|row| row.holder == holder) {
            row.until = Timestamp::from_unix_secs(0);
        }
    }

    pub(super) fn require_lease(&self, fence: &Fence) -> Result<(), LedgerError> {
        match self.leases.get(&*fence.work) {
            Some(row) if row.number == fence.number => Ok(()),
            Some(_) | None => Err(LedgerError::Conflict),
        }
    }
}
