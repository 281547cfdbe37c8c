//! `ca-server audit verify`

use std::path::Path;
use std::str::FromStr;

use ca_issuance::audit::chain::Checkpoint;
use clap::Args;

use crate::app::{Absence, seal};
use crate::cli::{ConfigArgument, block_on};
use crate::config::Config;
use crate::error::Error;
use crate::storage;

/// What to compare the log with.
#[derive(Debug, Args)]
pub(in crate::cli) struct VerifyArguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// A checkpoint that was kept elsewhere, or a file with one a line: as `audit checkpoint`
    /// prints them or as the server's JSON log has them. May stand several times.
    #[arg(long, value_name = "FILE-OR-TEXT")]
    checkpoint: Vec<Kept>,
}

/// Checkpoints that somebody kept.
#[derive(Clone, Debug)]
struct Kept(Vec<Checkpoint>);

pub(super) fn run(arguments: &VerifyArguments) -> Result<(), Error> {
    let config = Config::load(&arguments.config.config)?;
    let kept = arguments.checkpoint.iter();
    let kept: Vec<Checkpoint> = kept.flat_map(|one| one.0.clone()).collect();
    block_on(async move {
        let store = storage::open(&config).await?;
        let seal = seal::open(&config, &store, Absence::Refused).await?;
        let agreeing = kept.len();
        let verified = store.verify_audit(seal.as_ref(), kept).await;
        store.close().await;
        let verified = verified.map_err(|error| Error::Store(Box::new(error)))?;
        let events = verified
            .chain
            .map_err(|tampering| Error::Finding(tampering.to_string()))?;
        let unsealed = verified.unsealed;
        print!("the audit log holds: {events} events, {unsealed} not sealed yet");
        match agreeing {
            0 => println!(),
            agreeing => println!(", {agreeing} kept checkpoints agree"),
        }
        Ok(())
    })
}

impl FromStr for Kept {
    type Err = String;

    fn from_str(file_or_text: &str) -> Result<Self, String> {
        if file_or_text.trim_start().starts_with('{') {
            return Self::parse(file_or_text);
        }
        let text = std::fs::read_to_string(Path::new(file_or_text))
            .map_err(|error| format!("{file_or_text}: {error}"))?;
        Self::parse(&text).map_err(|error| format!("{file_or_text}, {error}"))
    }
}

impl Kept {
    /// A line that does not read is refused: passed over, it could hide a cut.
    fn parse(text: &str) -> Result<Self, String> {
        let lines = (1..).zip(text.lines());
        let lines = lines.filter(|(_, line)| !line.trim().is_empty());
        let kept: Vec<Checkpoint> = lines
            .map(|(number, line)| {
                Checkpoint::parse(line).map_err(|error| format!("line {number}: {error}"))
            })
            .collect::<Result<_, _>>()?;
        match kept.is_empty() {
            true => Err("no checkpoint in it".to_owned()),
            false => Ok(Self(kept)),
        }
    }
}
