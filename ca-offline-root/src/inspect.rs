//! Explains any file that a ceremony reads or writes, in plain text; shows no secret.

mod certificate;
mod crl;
mod key;
mod request;

use std::io::{self, Write};
use std::path::Path;

use ca_pki::crl::Crl;
use ca_pki::pem::decode_all;
use ca_pki::{Certificate, Csr};

use crate::ceremony::Ceremony;
use crate::cli::InspectArguments;
use crate::shares::Share;
use crate::sitting::read_bounded;
use crate::transcript::{self, Transcript};
use crate::{Error, Mode};

/// Explains every file in turn.
pub(crate) fn inspect(arguments: &InspectArguments, report: &mut dyn Write) -> Result<(), Error> {
    for path in &arguments.files {
        let content = read_bounded(path, MAX_BYTES).map_err(|error| Error::input(path, error))?;
        let artefacts = recognize(&content);
        if artefacts.is_empty() {
            return Err(Error::input(
                path,
                "this is no certificate, request, CRL, key, share, transcript or ceremony file",
            ));
        }
        tell(path, &artefacts, report).map_err(Error::Terminal)?;
    }
    Ok(())
}

/// Something that can be explained.
enum Artefact {
    Certificate(Box<Certificate>),
    Request(Box<Csr>),
    Crl(Box<Crl>),
    Key(key::Description),
    Share(Share),
    Transcript(Box<Transcript>),
    Ceremony(Box<Ceremony>),
    /// Looks like something, but is damaged or refused; the text says how.
    Damaged(String),
}

fn recognize(content: &[u8]) -> Vec<Artefact> {
    match std::str::from_utf8(content) {
        Ok(text) if text.contains("-----BEGIN ") => from_pem(text),
        Ok(text) => from_text(text).into_iter().collect(),
        Err(_) => from_der(content).into_iter().collect(),
    }
}

fn from_pem(text: &str) -> Vec<Artefact> {
    let blocks = |label| decode_all(label, text).unwrap_or_default();
    let damaged = |what: &str, error: &dyn std::fmt::Display| {
        Artefact::Damaged(format!("{what} that is refused: {error}"))
    };
    let mut artefacts = Vec::new();
    for der in blocks("CERTIFICATE") {
        artefacts.push(match Certificate::parse(&der) {
            Ok(certificate) => Artefact::Certificate(Box::new(certificate)),
            Err(error) => damaged("a certificate", &error),
        });
    }
    for der in ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"]
        .into_iter()
        .flat_map(blocks)
    {
        artefacts.push(match Csr::parse(&der) {
            Ok(request) => Artefact::Request(Box::new(request)),
            Err(error) => damaged("a request", &error),
        });
    }
    for der in blocks("X509 CRL") {
        artefacts.push(match Crl::parse(&der) {
            Ok(crl) => Artefact::Crl(Box::new(crl)),
            Err(error) => damaged("a CRL", &error),
        });
    }
    artefacts.extend(key::recognize(text).into_iter().map(Artefact::Key));
    artefacts
}

fn from_text(text: &str) -> Option<Artefact> {
    if text.trim_start().starts_with('{') {
        return Some(match serde_json::from_str(text) {
            Ok(transcript) => Artefact::Transcript(Box::new(transcript)),
            Err(error) => Artefact::Damaged(format!("JSON that is no transcript: {error}")),
        });
    }
    if text.contains("kind") && text.contains('=') {
        return Some(match Ceremony::parse(text) {
            Ok(ceremony) => Artefact::Ceremony(Box::new(ceremony)),
            Err(error) => Artefact::Damaged(error.to_string()),
        });
    }
    match Share::parse(text) {
        Ok(share) => Some(Artefact::Share(share)),
        Err(error) if text.contains("share") => Some(Artefact::Damaged(error.to_string())),
        Err(_) => None,
    }
}

fn from_der(der: &[u8]) -> Option<Artefact> {
    if let Ok(certificate) = Certificate::parse(der) {
        return Some(Artefact::Certificate(Box::new(certificate)));
    }
    if let Ok(crl) = Crl::parse(der) {
        return Some(Artefact::Crl(Box::new(crl)));
    }
    Csr::parse(der)
        .ok()
        .map(|csr| Artefact::Request(Box::new(csr)))
}

fn tell(path: &Path, artefacts: &[Artefact], report: &mut dyn Write) -> io::Result<()> {
    for artefact in artefacts {
        write!(report, "{}: ", path.display())?;
        match artefact {
            Artefact::Certificate(certificate) => certificate::explain(certificate, report)?,
            Artefact::Request(request) => request::explain(request, report)?,
            Artefact::Crl(crl) => crl::explain(crl, report)?,
            Artefact::Key(description) => writeln!(report, "{description}")?,
            Artefact::Share(share) => explain_share(share, report)?,
            Artefact::Transcript(transcript) => explain_transcript(transcript, report)?,
            Artefact::Ceremony(ceremony) => {
                writeln!(report, "ceremony file of kind {}", ceremony.kind())?;
            }
            Artefact::Damaged(text) => writeln!(report, "{text}")?,
        }
    }
    Ok(())
}

fn explain_share(share: &Share, report: &mut dyn Write) -> io::Result<()> {
    writeln!(report, "{share}")?;
    if share.mode() == Mode::Rehearsal {
        writeln!(report, "  it opens a throw-away key only")?;
    }
    writeln!(report, "  its checksum fits; keep it secret")
}

fn explain_transcript(transcript: &Transcript, report: &mut dyn Write) -> io::Result<()> {
    writeln!(report, "{}", transcript.statement)?;
    transcript::summarize(transcript, report)?;
    for output in &transcript.outputs {
        writeln!(
            report,
            "  wrote {} ({})",
            output.file.display(),
            output.role
        )?;
    }
    for key in &transcript.keys {
        writeln!(
            report,
            "  {} key {}: {} ({})",
            key.role, key.what, key.place, key.algorithm
        )?;
    }
    for share in &transcript.shares {
        writeln!(
            report,
            "  share {} of {} of set {} {}: {}",
            share.index, share.shares, share.set, share.what, share.custodian
        )?;
    }
    writeln!(
        report,
        "  nothing was checked; `ca-offline-root verify` does"
    )
}

/// Writes facts, one a line, labels in a column.
fn facts(report: &mut dyn Write, facts: &[(&str, String)]) -> io::Result<()> {
    facts
        .iter()
        .try_for_each(|(label, fact)| writeln!(report, "  {label:15} {fact}"))
}

const MAX_BYTES: u64 = 4 * 1024 * 1024;
