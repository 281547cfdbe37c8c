//! The leases of this process.

use std::sync::Arc;

use ca_issuance::lease::{self, LeaseKeeper, Tenure};
use ca_issuance::{Corridor, Entropy, Lease};
use ca_store::Store;

use crate::config::Config;
use crate::error::Error;

/// Work that one of several servers does.
#[derive(Clone)]
pub(crate) struct Duties {
    /// Sealing the audit log.
    pub(crate) sealing: Lease,
    /// Handing it on.
    pub(crate) exporting: Lease,
    /// Settling, pruning, resuming what another server left behind.
    pub(crate) upkeep: Lease,
}

impl Duties {
    /// Adds them to what a keeper claims.
    pub(super) fn of(leases: &mut LeaseKeeper) -> Self {
        Self {
            sealing: leases.lease(Store::SEALING),
            exporting: leases.lease(Store::EXPORTING),
            upkeep: leases.lease(lease::UPKEEP),
        }
    }
}

/// Prepares to hold leases; nothing is claimed yet.
pub(super) fn keeper(config: &Config, corridor: &Corridor) -> Result<LeaseKeeper, Error> {
    let tenure = match config.database.is_shared() {
        true => Tenure::Among,
        false => Tenure::Alone,
    };
    let holder = holder(corridor.entropy().as_ref())?;
    let ledger = Arc::clone(corridor.ledger());
    let clock = Arc::clone(corridor.clock());
    Ok(LeaseKeeper::new(ledger, clock, holder, tenure))
}

/// Draws the name under which this process holds leases: each start is a holder of its own.
fn holder(entropy: &dyn Entropy) -> Result<String, Error> {
    let mut octets = [0; 8];
    entropy
        .fill(&mut octets)
        .map_err(|error| Error::Store(Box::new(error)))?;
    Ok(format!(
        "{}-{:016x}",
        std::process::id(),
        u64::from_be_bytes(octets)
    ))
}
