//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::error::EXIT_CODES;

/// Root ceremonies on a machine without a network.
#[derive(Debug, Parser)]
#[command(name = "ca-offline-root", version, about, after_help = EXIT_CODES)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Hold a ceremony: root, intermediate, crl, cross-sign or rollover.
    #[command(after_help = EXIT_CODES)]
    Run(RunArguments),
    /// Explain certificates, requests, CRLs, key files, shares and transcripts.
    Inspect(InspectArguments),
    /// Check a transcript: its signature, the files it names, what the root signed.
    Verify(VerifyArguments),
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// The ceremony file; see deploy/ceremonies for samples.
    #[arg(value_name = "CEREMONY.toml")]
    pub ceremony: PathBuf,
    /// Do everything with a throw-away key, into the folder `rehearsal/` beside the ceremony file.
    #[arg(long)]
    pub rehearse: bool,
    /// Go on although a network interface is up; the transcript records it.
    #[arg(long)]
    pub network_is_up_on_purpose: bool,
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub struct InspectArguments {
    /// The files; keys and shares are explained without showing what is secret in them.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// The transcript; its signature and the files it names are looked for where it says, then
    /// beside it.
    pub transcript: PathBuf,
    /// The root that you trust; the transcript must be signed by it.
    #[arg(long, value_name = "root.pem")]
    pub root: Option<PathBuf>,
}
