//! The command line: arguments in, exit code out.

mod audit;
mod check_config;
mod client;
mod eab;
mod issuer;
mod limits;
mod migrate;
mod operator;
mod policy;
mod quickstart;
mod revoke;
mod serve;
mod settle;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::error::Error;

/// An internal certificate authority: ACME, CRL and OCSP for certificates of a day or less.
#[derive(Debug, Parser)]
#[command(name = "ca-server", version, about, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes a CA in a folder (SQLite, software keys) and serves it; continues it when run again.
    Quickstart(quickstart::QuickstartArguments),
    /// Serves until stopped.
    Serve(ConfigArgument),
    /// Checks a configuration and prints what is in effect, secrets left out.
    CheckConfig(ConfigArgument),
    /// Brings the database to the schema of this version.
    Migrate(migrate::MigrateArguments),
    /// Burns serials whose issuance never finished and sends their orders back to `ready`.
    Settle(ConfigArgument),
    /// Revokes a certificate on an operator's word.
    Revoke(revoke::RevokeArguments),
    /// Verifies and exports the audit log, makes the key that seals it.
    Audit {
        /// What to do.
        #[command(subcommand)]
        command: audit::AuditCommand,
    },
    /// Adds, lists and removes clients: programs that log in with a secret.
    Client {
        /// What to do.
        #[command(subcommand)]
        command: client::ClientCommand,
    },
    /// Makes, lists and revokes operator tokens.
    Token {
        /// What to do.
        #[command(subcommand)]
        command: token::TokenCommand,
    },
    /// Explains what grants and profiles decide, without issuing.
    Policy {
        /// What to do.
        #[command(subcommand)]
        command: policy::PolicyCommand,
    },
    /// Makes, lists and revokes keys for external account binding.
    Eab {
        /// What to do.
        #[command(subcommand)]
        command: eab::EabCommand,
    },
    /// Measures what this machine can do: signer, verification, disk or database, handshakes.
    Limits(limits::LimitsArguments),
    /// Prepares an intermediate: key, CSR, certificate.
    Issuer {
        /// What to do.
        #[command(subcommand)]
        command: issuer::IssuerCommand,
    },
}

/// Where the configuration is.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConfigArgument {
    /// The configuration file.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "ca-server.toml",
        env = "CA_SERVER_CONFIG"
    )]
    pub(crate) config: PathBuf,
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ca-server: {}", error.in_full());
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(command: Command) -> Result<(), Error> {
    match command {
        Command::Quickstart(arguments) => quickstart::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::CheckConfig(arguments) => check_config::run(&arguments),
        Command::Migrate(arguments) => migrate::run(&arguments),
        Command::Settle(arguments) => settle::run(&arguments),
        Command::Revoke(arguments) => revoke::run(&arguments),
        Command::Audit { command } => audit::run(&command),
        Command::Client { command } => client::run(command),
        Command::Token { command } => token::run(command),
        Command::Policy { command } => policy::run(command),
        Command::Eab { command } => eab::run(command),
        Command::Limits(arguments) => limits::run(&arguments),
        Command::Issuer { command } => issuer::run(&command),
    }
}

/// Runs a command's future on a runtime of its own.
fn block_on<F: Future<Output = Result<(), Error>>>(future: F) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    let result = runtime.block_on(future);
    // A thread that hangs in a token's module must not hold up the end.
    runtime.shutdown_timeout(LAST_WORK);
    result
}

const LAST_WORK: Duration = Duration::from_secs(5);

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  a failure inside the server; the text says which
  2  the command line is wrong
  3  the configuration is wrong
  4  the database is not reachable or not migrated
  5  a key or a certificate cannot be used
  6  an address cannot be bound
  7  a check found something (audit verify, audit checkpoint, issuer install), a request would be refused (policy), or what was named is not there, or is there already (revoke, eab, client, token)
  8  a token refused the PIN: trying again would use up its tries";
