//! A group: what is waiting, in one database transaction, each change in its own savepoint.

use std::time::Instant;

use sea_orm::{
    DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};

use crate::Error;
use crate::change::Unit;
use crate::nonce::{self, RedeemedNonce};

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
    database: &DatabaseConnection,
    units: &mut [Box<dyn Unit>],
    nonces: &[RedeemedNonce],
) -> Fate {
    let started = Instant::now();
    // SQLite: take the write lock at once. A transaction that reads first and then writes fails
    // as soon as another process (a command beside the server) wrote in between.
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let transaction = match database.begin_with_options(options).await {
        Ok(transaction) => transaction,
        Err(error) => return Fate::NotBegun(error.into()),
    };
    if let Err(error) = fill(&transaction, units, nonces).await {
        return Fate::Lost(error);
    }
    // A crash before this line leaves nothing of the group, a crash after it all of it.
    if let Err(error) = transaction.commit().await {
        return Fate::InDoubt(error.into());
    }
    metrics::counter!("ca_store_commits_total").increment(1);
    metrics::counter!("ca_store_units_total").increment(units.len() as u64);
    metrics::histogram!("ca_store_commit_seconds").record(started.elapsed().as_secs_f64());
    Fate::Committed
}

async fn fill(
    transaction: &DatabaseTransaction,
    units: &mut [Box<dyn Unit>],
    nonces: &[RedeemedNonce],
) -> Result<(), Error> {
    nonce::save(transaction, nonces).await?;
    for unit in units {
        unit.run(transaction).await?;
    }
    Ok(())
}
