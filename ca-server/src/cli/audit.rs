//! `ca-server audit`

use clap::Subcommand;

use crate::app::seal;
use crate::cli::{ConfigArgument, block_on};
use crate::config::Config;
use crate::error::Error;
use crate::storage;

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Walks the chain and names the first event that was changed, inserted or removed.
    Verify(ConfigArgument),
}

pub(super) fn run(command: &AuditCommand) -> Result<(), Error> {
    match command {
        AuditCommand::Verify(arguments) => verify(Config::load(&arguments.config)?),
    }
}

fn verify(config: Config) -> Result<(), Error> {
    block_on(async move {
        let store = storage::connect(&config).await?;
        let seal = seal::open(&config, &store).await?;
        let verified = store.verify_audit(seal.as_ref(), None).await;
        store.close().await;
        let verified = verified.map_err(|error| Error::Store(Box::new(error)))?;
        match verified.chain {
            Ok(events) => {
                println!(
                    "the audit log holds: {events} events, {} not sealed yet",
                    verified.unsealed
                );
                Ok(())
            }
            Err(tampering) => Err(Error::Finding(tampering.to_string())),
        }
    })
}
