//! Holds a ceremony: judges the machine and the ceremony file, then hands over to its kind.

use std::io::Write;
use std::path::{Path, PathBuf};

use ca_pki::Timestamp;

use crate::ceremony::{Ceremony, NewCustody, NewKey};
use crate::cli::RunArguments;
use crate::custody;
use crate::fingerprint::sha256_hex;
use crate::folders::Folders;
use crate::sitting::{Done, Opening, Sitting, read_bounded};
use crate::transcript::{CeremonyFile, Network, signature_path};
use crate::{Error, Mode, World, kinds, output};

/// Holds the ceremony that a file describes.
pub(crate) fn run(
    arguments: &RunArguments,
    world: World<'_>,
    report: &mut dyn Write,
) -> Result<(), Error> {
    let (ceremony, file) = read(&arguments.ceremony)?;
    let network = judge_network(&world, arguments)?;
    judge_clock((world.clock)())?;
    let mode = match arguments.rehearse {
        true => Mode::Rehearsal,
        false => Mode::Real,
    };
    let folders = Folders::of(&arguments.ceremony, mode);
    let outputs: Vec<PathBuf> = outputs(&ceremony)?
        .iter()
        .map(|written| folders.output(written))
        .collect();
    output::refuse_existing(&outputs)?;

    let opening = Opening {
        mode,
        kind: ceremony.kind(),
        folders,
        network,
        ceremony: file,
    };
    let sitting = Sitting::open(world, opening)?;
    let done = match &ceremony {
        Ceremony::Root(plan) => kinds::root::hold(plan, sitting),
        Ceremony::Intermediate(plan) => kinds::intermediate::hold(plan, sitting),
        Ceremony::Crl(plan) => kinds::crl::hold(plan, sitting),
        Ceremony::CrossSign(plan) => kinds::cross_sign::hold(plan, sitting),
        Ceremony::Rollover(plan) => kinds::rollover::hold(plan, sitting),
    }?;
    tell(&done, report).map_err(Error::Terminal)
}

fn read(path: &Path) -> Result<(Ceremony, CeremonyFile), Error> {
    let refused = |reason: String| Error::Ceremony(format!("{}: {reason}", path.display()));
    let content =
        read_bounded(path, Ceremony::MAX_BYTES).map_err(|error| refused(error.to_string()))?;
    let sha256 = sha256_hex(&content);
    let text = String::from_utf8(content).map_err(|_| refused("this is not UTF-8".to_owned()))?;
    let file = path.file_name().map(PathBuf::from).unwrap_or_default();
    Ok((Ceremony::parse(&text)?, CeremonyFile { file, sha256, text }))
}

fn judge_network(world: &World<'_>, arguments: &RunArguments) -> Result<Network, Error> {
    let interfaces_up = (world.interfaces_up)().map_err(Error::NetworkUnknown)?;
    if !interfaces_up.is_empty() && !arguments.network_is_up_on_purpose {
        return Err(Error::NetworkUp {
            interfaces: interfaces_up.join(", "),
        });
    }
    Ok(Network {
        interfaces_up,
        up_on_purpose: arguments.network_is_up_on_purpose,
    })
}

/// A machine that was off for long may have lost its clock, and would sign for the wrong years.
fn judge_clock(now: Timestamp) -> Result<(), Error> {
    if now < PROGRAM_IS_YOUNGER_THAN {
        return Err(Error::Clock(format!("it says {now}; set it and run again")));
    }
    Ok(())
}

/// Returns every file that a ceremony will write, as its file names them.
fn outputs(ceremony: &Ceremony) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    let transcript = match ceremony {
        Ceremony::Root(plan) => {
            files.extend(key_outputs(&plan.key)?);
            files.push(plan.output.certificate.clone());
            &plan.output.transcript
        }
        Ceremony::Intermediate(plan) => {
            files.push(plan.output.certificate.clone());
            &plan.output.transcript
        }
        Ceremony::Crl(plan) => {
            files.push(plan.output.crl.clone());
            &plan.output.transcript
        }
        Ceremony::CrossSign(plan) => {
            files.push(plan.output.certificate.clone());
            &plan.output.transcript
        }
        Ceremony::Rollover(plan) => {
            let output = &plan.output;
            files.extend(key_outputs(&plan.key)?);
            files.extend(
                [&output.certificate, &output.new_by_old, &output.old_by_new].map(Clone::clone),
            );
            files.push(signature_path(
                &output.transcript,
                kinds::rollover::OLD_SUFFIX,
            ));
            &output.transcript
        }
    };
    files.push(transcript.clone());
    files.push(signature_path(transcript, kinds::SUFFIX));
    require_distinct(&files)?;
    Ok(files)
}

fn key_outputs(plan: &NewKey) -> Result<Vec<PathBuf>, Error> {
    let mut files: Vec<PathBuf> = custody::file_as_written(&plan.uri)?.into_iter().collect();
    if let Some(NewCustody::Split(split)) = &plan.passphrase {
        files.extend(custody::share_files(split));
    }
    Ok(files)
}

fn require_distinct(files: &[PathBuf]) -> Result<(), Error> {
    let repeated = files
        .iter()
        .enumerate()
        .find(|(at, file)| files.iter().take(*at).any(|f| f == *file));
    match repeated {
        None => Ok(()),
        Some((_, file)) => Err(Error::Ceremony(format!(
            "two outputs have the name {}",
            file.display()
        ))),
    }
}

fn tell(done: &Done, report: &mut dyn Write) -> std::io::Result<()> {
    if done.mode == Mode::Rehearsal {
        writeln!(report, "REHEARSAL: nothing of this may be trusted.")?;
    }
    for file in &done.files {
        writeln!(report, "wrote {}", file.display())?;
    }
    Ok(())
}

/// 2025-01-01T00:00:00Z: this program was written later.
const PROGRAM_IS_YOUNGER_THAN: Timestamp = Timestamp::from_unix_secs(1_735_689_600);
