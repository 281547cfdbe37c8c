//! `ca-server audit`: the log and the key that seals it.

use ca_keys::{KeyUri, SignerOptions};
use ca_pki::KeyAlgorithm;
use clap::Subcommand;

use crate::app::seal;
use crate::cli::{ConfigArgument, block_on};
use crate::config::{Config, ConfigError};
use crate::error::Error;
use crate::storage;

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Walks the chain and names the first event that was changed, inserted or removed.
    Verify(ConfigArgument),
    /// Makes the key that `[audit] key` names; never replaces one.
    CreateKey(ConfigArgument),
}

pub(super) fn run(command: &AuditCommand) -> Result<(), Error> {
    match command {
        AuditCommand::Verify(arguments) => verify(Config::load(&arguments.config)?),
        AuditCommand::CreateKey(arguments) => create_key(&Config::load(&arguments.config)?),
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

fn create_key(config: &Config) -> Result<(), Error> {
    let Some(text) = &config.audit.key else {
        let fault = "audit.key is not set: it says where the key is made".to_owned();
        return Err(Error::Config(ConfigError::Faults(vec![fault])));
    };
    let failed = |source| Error::Key {
        issuer: "[audit]".to_owned(),
        source,
    };
    let uri = KeyUri::parse(text, &config.base).map_err(failed)?;
    ca_keys::generate(&uri, KeyAlgorithm::EcP256, &SignerOptions::default()).map_err(failed)?;
    println!("made a {} key: {uri}", KeyAlgorithm::EcP256);
    Ok(())
}
