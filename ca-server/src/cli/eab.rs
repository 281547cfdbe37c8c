//! `ca-server eab`: keys that bind ACME accounts to accounts elsewhere (RFC 8555 §7.3.4).

mod create;
mod list;
mod revoke;

use std::env;

use ca_acme::StoreError;
use ca_issuance::Actor;
use ca_store::Store;
use clap::Subcommand;

use crate::config::Config;
use crate::error::Error;
use crate::storage;

/// What to do with external account keys.
#[derive(Debug, Subcommand)]
pub(super) enum EabCommand {
    /// Makes a key and prints it, this once.
    Create(create::CreateArguments),
    /// Lists every key, newest first, without its secret.
    List(list::ListArguments),
    /// Revokes a key: no more accounts are bound with it, bound ones stay.
    Revoke(revoke::RevokeArguments),
}

pub(super) fn run(command: EabCommand) -> Result<(), Error> {
    match command {
        EabCommand::Create(arguments) => create::run(arguments),
        EabCommand::List(arguments) => list::run(&arguments),
        EabCommand::Revoke(arguments) => revoke::run(arguments),
    }
}

/// Connects to a store whose schema is the one of this version. A server may be running on it.
async fn open(config: &Config) -> Result<Store, Error> {
    let store = storage::connect(config).await?;
    match store.check_schema().await {
        Ok(()) => Ok(store),
        Err(error) => {
            store.close().await;
            Err(Error::Store(Box::new(error)))
        }
    }
}

fn store_error(error: StoreError) -> Error {
    Error::Store(Box::new(error))
}

/// Who is at the command line, as far as the environment tells; behind sudo, who called it.
fn operator() -> Actor {
    let name = ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|variable| env::var(variable).ok().filter(|name| !name.is_empty()));
    Actor::Operator {
        name: name.unwrap_or_else(|| "unknown".to_owned()),
    }
}
