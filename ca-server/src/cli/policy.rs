//! `ca-server policy`: what grants and profiles say, without issuing.

mod asked;
#[cfg(test)]
mod bench;
mod explain;
mod present;
mod replay;
mod show;

use clap::Subcommand;

use crate::error::Error;

/// What to ask of the policy.
#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Says what would be decided about a request, and why, grant by grant. Nothing is issued.
    Explain(Box<explain::ExplainArguments>),
    /// Says which certificates of the past the present configuration would refuse.
    Replay(replay::ReplayArguments),
}

pub(super) fn run(command: PolicyCommand) -> Result<(), Error> {
    match command {
        PolicyCommand::Explain(arguments) => explain::run(*arguments),
        PolicyCommand::Replay(arguments) => replay::run(&arguments),
    }
}
