//! How fast a shared database makes things durable.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};
use tokio::task::JoinSet;

use crate::{Error, Store};

/// Commits a second of a database.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CommitRates {
    /// By one client after the other.
    pub alone: f64,
    /// By several at once.
    pub side_by_side: f64,
    /// How many these are.
    pub clients: u32,
}

impl Store {
    /// Measures commits for about twice this span; leaves no row. `None` for a database file,
    /// whose commits are the disk's.
    pub async fn commit_rates(&self, span: Duration) -> Result<Option<CommitRates>, Error> {
        if !self.is_shared() {
            return Ok(None);
        }
        let clients = self.readers();
        commits(self.reads(), 1, Duration::from_millis(50)).await?;
        Ok(Some(CommitRates {
            alone: commits(self.reads(), 1, span).await?,
            side_by_side: commits(self.reads(), clients, span).await?,
            clients,
        }))
    }
}

async fn commits(
    database: &DatabaseConnection,
    clients: u32,
    span: Duration,
) -> Result<f64, Error> {
    let begun = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..clients {
        let database = database.clone();
        running.spawn(async move {
            let mut made = 0_u32;
            while begun.elapsed() < span {
                database.execute_unprepared(COMMIT).await?;
                made += 1;
            }
            Ok::<u32, DbErr>(made)
        });
    }
    let mut made = 0;
    while let Some(ended) = running.join_next().await {
        made += ended.map_err(|_ended_badly| Error::Closed)??;
    }
    Ok(f64::from(made) / begun.elapsed().as_secs_f64())
}

/// A transaction that writes about as much as a certificate's does, and nothing into a table.
const COMMIT: &str = "SELECT pg_logical_emit_message(true, 'ca-server limits', repeat('x', 2000))";
