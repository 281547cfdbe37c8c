//! How fast a shared database makes things durable.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DbErr};
use tokio::task::JoinSet;

use crate::pool::Pool;
use crate::{Error, Store};

/// What a database makes durable in a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CommitRates {
    /// Commits by one client.
    pub alone: f64,
    /// Commits by several.
    pub side_by_side: f64,
    /// How many these are.
    pub clients: u32,
    /// Changes by one client that commits groups of them.
    pub grouped: f64,
    /// How large these are.
    pub group: u32,
}

impl Store {
    /// Measures for about three times this span; leaves no row. `None` for a database file,
    /// whose commits are the disk's.
    pub async fn commit_rates(&self, span: Duration) -> Result<Option<CommitRates>, Error> {
        if !self.is_shared() {
            return Ok(None);
        }
        let clients = self.readers();
        let database = self.reads();
        commits(database, 1, 1, Duration::from_millis(50)).await?;
        Ok(Some(CommitRates {
            alone: commits(database, 1, 1, span).await?,
            side_by_side: commits(database, clients, 1, span).await?,
            clients,
            grouped: commits(database, 1, GROUP, span).await? * f64::from(GROUP),
            group: GROUP,
        }))
    }
}

async fn commits(
    database: &Pool,
    clients: u32,
    changes: u32,
    span: Duration,
) -> Result<f64, Error> {
    // Writes about as much as a certificate and its event, and nothing into a table.
    let commit = format!(
        "SELECT count(pg_logical_emit_message(true, 'ca-server limits', repeat('x', 2000))) \
         FROM generate_series(1, {changes})"
    );
    let begun = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..clients {
        let (database, commit) = (database.clone(), commit.clone());
        running.spawn(async move {
            let mut made = 0_u32;
            while begun.elapsed() < span {
                database.execute_unprepared(&commit).await?;
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

/// As many changes as share a commit under load.
const GROUP: u32 = 32;
