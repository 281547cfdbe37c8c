//! Puts load on a certificate authority and says what it took.
//!
//! Any RFC 8555 directory, our JSON API, and plain GET or POST of revocation data. It imports
//! nothing of the servers that it measures: keys and CSRs are made before, connections are kept,
//! and a JWS is one signature, so that the server is what is measured.

mod acme;
mod certificates;
mod connection;
mod csr;
mod der;
mod error;
mod fetch;
mod jws;
mod load;
mod meter;
mod mix;
mod ocsp;
mod pace;
mod process;
mod relying;
mod responder;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::Error;

/// Puts load on a certificate authority and says what it took.
#[derive(Debug, Parser)]
#[command(name = "ca-load", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Full ACME orders: newOrder, authorization, challenge, finalize, certificate.
    Acme(acme::Arguments),
    /// POST /api/v1/certificates with a bearer token.
    Certificates(certificates::Arguments),
    /// OCSP by GET or POST over many serials.
    Ocsp(relying::Arguments),
    /// The same GET or POST again and again: CRL, a directory, newNonce.
    Fetch(fetch::Arguments),
    /// Everything at once, patiently, with a journal: for servers that are killed meanwhile.
    Mix(mix::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command) {
        Ok(meter::Outcome::Clean) => ExitCode::SUCCESS,
        Ok(meter::Outcome::WithErrors) => ExitCode::from(1),
        Err(error) => {
            eprintln!("ca-load: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> Result<meter::Outcome, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match command {
            Command::Acme(arguments) => acme::run(arguments).await,
            Command::Certificates(arguments) => certificates::run(arguments).await,
            Command::Ocsp(arguments) => relying::run(arguments).await,
            Command::Fetch(arguments) => fetch::run(arguments).await,
            Command::Mix(arguments) => mix::run(arguments).await,
        }
    })
}
