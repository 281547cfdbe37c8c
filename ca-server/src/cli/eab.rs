//! `ca-server eab`: keys that bind ACME accounts to accounts elsewhere (RFC 8555 §7.3.4).

mod create;
mod list;
mod revoke;

use ca_acme::StoreError;
use clap::Subcommand;

use crate::error::Error;

/// What to do with external account keys.
#[derive(Debug, Subcommand)]
pub(super) enum EabCommand {
    /// Makes a key and prints it, this once.
    Create(create::CreateArguments),
    /// Lists every key, newest first, without its secret.
    List(list::ListArguments),
    /// Revokes a key: no more accounts are bound with it, and bound ones lose what grants gave.
    Revoke(revoke::RevokeArguments),
}

pub(super) fn run(command: EabCommand) -> Result<(), Error> {
    match command {
        EabCommand::Create(arguments) => create::run(arguments),
        EabCommand::List(arguments) => list::run(&arguments),
        EabCommand::Revoke(arguments) => revoke::run(arguments),
    }
}

fn store_error(error: StoreError) -> Error {
    Error::Store(Box::new(error))
}
