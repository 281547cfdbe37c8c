//! `ca-server migrate`

use clap::Args;

use crate::cli::{ConfigArgument, block_on};
use crate::config::Config;
use crate::error::Error;
use crate::storage;

/// Arguments of `migrate`.
#[derive(Debug, Args)]
pub(super) struct MigrateArguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// Only lists the steps that would be taken.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(arguments: &MigrateArguments) -> Result<(), Error> {
    let config = Config::load(&arguments.config.config)?;
    let dry_run = arguments.dry_run;
    block_on(async move {
        let store = storage::connect(&config).await?;
        let steps = if dry_run {
            store.pending_migrations().await
        } else {
            store.migrate().await
        };
        store.close().await;
        let steps = steps.map_err(|error| Error::Store(Box::new(error)))?;
        let word = if dry_run { "pending" } else { "applied" };
        for step in &steps {
            println!("{word} {step}");
        }
        if steps.is_empty() {
            println!("the schema is up to date");
        }
        Ok(())
    })
}
