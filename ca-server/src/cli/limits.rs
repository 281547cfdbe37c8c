//! `ca-server limits`: what this machine can do, so that a load's result can be read as a share.
//!
//! A few seconds of work beside whatever runs: on a busy machine it says what is left. It signs with
//! the issuers' keys (words that no certificate begins with) and writes to a file of its own beside
//! the database, which it removes; in PostgreSQL it commits transactions that leave no row.

mod cpu;
mod disk;
mod handshake;
mod report;
mod signer;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use self::disk::Commits;
use self::report::Limits;
use crate::cli::block_on;
use crate::config::Config;
use crate::error::Error;
use crate::storage;

/// What to measure, and how to tell it.
#[derive(Debug, Args)]
pub(super) struct LimitsArguments {
    /// The configuration whose issuers and database are measured; without it software keys, and
    /// the disk under the present folder.
    #[arg(long, value_name = "FILE", env = "CA_SERVER_CONFIG")]
    config: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    /// How long each measurement takes.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 400)]
    each: u64,
}

pub(super) fn run(arguments: &LimitsArguments) -> Result<(), Error> {
    let config = arguments.config.as_deref().map(Config::load).transpose()?;
    let span = Duration::from_millis(arguments.each.clamp(10, 10_000));
    block_on(async move {
        let limits = measure(config.as_ref(), span).await?;
        if arguments.json {
            println!("{:#}", limits.json());
        } else {
            print!("{limits}");
        }
        Ok(())
    })
}

async fn measure(config: Option<&Config>, span: Duration) -> Result<Limits, Error> {
    let signers = match config {
        Some(config) => signer::configured(config, span).await?,
        None => signer::software(span).await?,
    };
    let commits = match config {
        Some(config) => commits(config, span).await?,
        None => disk::appends(Path::new("."), span)?,
    };
    Ok(Limits {
        verifications: cpu::verifications(span)?,
        hash_mb_per_sec: cpu::hash_mb_per_sec(span),
        handshakes_per_sec: handshake::per_sec(span)?,
        signers,
        commits,
    })
}

/// PostgreSQL tells for itself; for SQLite it is the disk under the file.
async fn commits(config: &Config, span: Duration) -> Result<Commits, Error> {
    if config.database.is_shared() {
        let store = storage::connect(config).await?;
        let rates = store.commit_rates(span).await;
        store.close().await;
        let rates = rates.map_err(|error| Error::Store(Box::new(error)))?;
        if let Some(rates) = rates {
            return Ok(Commits::Database(rates));
        }
    }
    let url = config.database.resolved_url(&config.base);
    let file = PathBuf::from(url.strip_prefix("sqlite://").unwrap_or(&url));
    disk::appends(file.parent().unwrap_or(Path::new(".")), span)
}
