//! `ca-server audit`: the log and the key that seals it.

mod checkpoint;
mod export;
mod key;
mod verify;

use clap::Subcommand;

use crate::cli::ConfigArgument;
use crate::error::Error;

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Walks the chain and names the first event that was changed, inserted or removed.
    Verify(verify::VerifyArguments),
    /// Prints the newest checkpoint as one line of JSON, to be kept elsewhere.
    Checkpoint(ConfigArgument),
    /// Writes events as lines of JSON, oldest first.
    Export(export::ExportArguments),
    /// Makes the key that `[audit] key` names; never replaces one.
    CreateKey(ConfigArgument),
    /// Prints the public half of `[audit] key`, for `former_keys` when another takes over.
    PublicKey(ConfigArgument),
}

pub(super) fn run(command: &AuditCommand) -> Result<(), Error> {
    match command {
        AuditCommand::Verify(arguments) => verify::run(arguments),
        AuditCommand::Checkpoint(arguments) => checkpoint::run(arguments),
        AuditCommand::Export(arguments) => export::run(arguments),
        AuditCommand::CreateKey(arguments) => key::create(arguments),
        AuditCommand::PublicKey(arguments) => key::public(arguments),
    }
}
