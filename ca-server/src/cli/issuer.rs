//! `ca-server issuer`: an intermediate's key and certificate.

mod install;
mod request;

use clap::Subcommand;

use crate::config::{Config, ConfigError, IssuerSection};
use crate::error::Error;

/// What to do with an issuer.
#[derive(Debug, Subcommand)]
pub(super) enum IssuerCommand {
    /// Makes a key inside the token (or a key file) and writes a CSR for the root ceremony.
    Request(request::RequestArguments),
    /// Checks the certificate that the ceremony made and puts it where the configuration says.
    Install(install::InstallArguments),
}

pub(super) fn run(command: &IssuerCommand) -> Result<(), Error> {
    match command {
        IssuerCommand::Request(arguments) => request::run(arguments),
        IssuerCommand::Install(arguments) => install::run(arguments),
    }
}

/// Finds an issuer in the configuration.
fn section<'a>(config: &'a Config, name: &str) -> Result<&'a IssuerSection, Error> {
    config
        .issuers
        .iter()
        .find(|section| section.name == name)
        .ok_or_else(|| {
            let fault =
                format!("there is no [[issuer]] {name:?}: add it to the configuration first");
            Error::Config(ConfigError::Faults(vec![fault]))
        })
}
