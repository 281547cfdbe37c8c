//! A group: what is waiting, in one database transaction.
//!
//! Changes rarely fail, so a group runs without savepoints first, and on a file in the swift way.
//! If one fails, or asks for what the swift way lacks, the transaction is undone and the group
//! runs again through the pool, each change in a savepoint of its own, so that a failed one takes
//! no other with it.

use std::time::Instant;

use sea_orm::DbErr;

use crate::change::{Ran, Unit};
use crate::database::Database;
use crate::nonce::{self, RedeemedNonce};
use crate::transaction::Transaction;
use crate::{Error, audit};

/// What became of a group as a whole.
pub(crate) enum Fate {
    /// Everything that succeeded in it is durable.
    Committed,
    /// The database could not be reached. Nothing was changed.
    NotBegun(Error),
    /// The transaction was lost on the way. Nothing was changed.
    Lost(Error),
    /// The commit failed: whether it came through is not known.
    InDoubt(Error),
}

/// Runs the units and saves the nonces in one transaction.
///
/// The nonces go first: they are durable no later than any change that their requests make.
pub(crate) async fn run(
    database: &Database,
    units: &mut [Box<dyn Unit>],
    nonces: &[RedeemedNonce],
) -> Fate {
    let started = Instant::now();
    let transaction = match fill(database, units, nonces).await {
        Ok(transaction) => transaction,
        Err(fate) => return fate,
    };
    // A crash before this line leaves nothing of the group, a crash after it all of it.
    if let Err(error) = transaction.commit().await {
        return Fate::InDoubt(error.into());
    }
    metrics::counter!("ca_store_commits_total").increment(1);
    metrics::counter!("ca_store_units_total").increment(units.len() as u64);
    metrics::histogram!("ca_store_commit_seconds").record(started.elapsed().as_secs_f64());
    Fate::Committed
}

/// Returns a transaction that holds the nonces and whatever units succeed.
async fn fill(
    database: &Database,
    units: &mut [Box<dyn Unit>],
    nonces: &[RedeemedNonce],
) -> Result<Transaction, Fate> {
    let is_swift = units.iter().all(|unit| unit.is_swift());
    let begun = database.begin_together(is_swift).await;
    let transaction = begun.map_err(not_begun)?;
    nonce::save(&transaction, nonces)
        .await
        .map_err(Fate::Lost)?;
    if run_all_well(&transaction, units).await {
        return Ok(transaction);
    }
    // A crash anywhere up to here leaves nothing, as if the group had not begun.
    metrics::counter!("ca_store_groups_replayed_total").increment(1);
    let undone = transaction.rollback().await;
    undone.map_err(|error| Fate::Lost(error.into()))?;

    let transaction = database.begin().await.map_err(not_begun)?;
    nonce::save(&transaction, nonces)
        .await
        .map_err(Fate::Lost)?;
    for unit in units {
        unit.run(&transaction).await.map_err(Fate::Lost)?;
    }
    Ok(transaction)
}

fn not_begun(error: DbErr) -> Fate {
    Fate::NotBegun(error.into())
}

async fn run_all_well(transaction: &Transaction, units: &mut [Box<dyn Unit>]) -> bool {
    for unit in units {
        match unit.try_run(transaction).await {
            Ran::Well => {}
            Ran::Badly => return false,
        }
    }
    // Which of them had the event that cannot be written shows when each runs by itself.
    audit::record_gathered(transaction).await.is_ok()
}
