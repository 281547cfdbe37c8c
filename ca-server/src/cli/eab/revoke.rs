//! `ca-server eab revoke`

use ca_acme::AcmeStore;
use ca_acme::external_account::revoked;
use ca_issuance::Clock;
use ca_issuance::world::SystemClock;
use clap::Args;

use super::store_error;
use crate::cli::{ConfigArgument, block_on, operator};
use crate::config::Config;
use crate::error::Error;
use crate::storage;

/// Arguments of `eab revoke`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RevokeArguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// The key's identifier, as `eab list` shows it.
    kid: String,
}

pub(super) fn run(arguments: RevokeArguments) -> Result<(), Error> {
    let config = Config::load(&arguments.config.config)?;
    let kid = arguments.kid;
    let event = revoked(&kid, operator::at_the_command_line(), SystemClock.now());
    block_on(async move {
        let store = storage::open(&config).await?;
        let outcome = store.revoke_external_account_key(&kid, event).await;
        store.close().await;
        if outcome.map_err(store_error)? {
            println!("revoked {kid}");
            return Ok(());
        }
        Err(Error::Finding(format!(
            "there is no key {kid:?}, or it was revoked before"
        )))
    })
}
