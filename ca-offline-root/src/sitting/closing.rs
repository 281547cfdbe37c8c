//! The end of a ceremony: the transcript is written and signed, then every file appears.

use std::path::Path;

use ca_pki::hex;
use zeroize::Zeroizing;

use super::{Sitting, read_bounded};
use crate::fingerprint::sha256_hex;
use crate::output::{self, Access};
use crate::signer::Signer;
use crate::transcript::{self, FORMAT, SignatureRecord, Tool, Transcript};
use crate::{Error, Mode, rehearsal};

/// A root that signs the transcript, and what its signature's file ends in.
pub(crate) struct Closing<'a> {
    /// The root.
    pub(crate) signer: &'a Signer,
    /// Appended to the transcript's name.
    pub(crate) suffix: &'static str,
}

impl Sitting<'_> {
    /// Signs the transcript with every given root and writes all files.
    pub(crate) fn close(mut self, written: &Path, closings: &[Closing<'_>]) -> Result<Done, Error> {
        let transcript = self.transcript(written, closings)?;
        let mut text = serde_json::to_vec_pretty(&transcript)
            .map_err(|error| Error::Internal(error.to_string()))?;
        text.push(b'\n');

        let signatures = closings
            .iter()
            .map(|closing| {
                closing
                    .signer
                    .sign(&text)
                    .map(|made| (closing.suffix, made))
            })
            .collect::<Result<Vec<_>, _>>()?;
        self.stage(written, Zeroizing::new(text), Access::Public);
        for (suffix, signature) in signatures {
            let path = transcript::signature_path(written, suffix);
            self.stage(&path, Zeroizing::new(signature), Access::Public);
        }
        output::publish(&self.staged)?;
        Ok(Done {
            files: self.staged.iter().map(|file| file.path.clone()).collect(),
            mode: self.mode,
        })
    }

    fn transcript(
        &mut self,
        written: &Path,
        closings: &[Closing<'_>],
    ) -> Result<Transcript, Error> {
        Ok(Transcript {
            format: FORMAT.to_owned(),
            rehearsal: self.mode == Mode::Rehearsal,
            statement: self.statement(),
            kind: self.kind.to_owned(),
            started_at: self.started_at.to_string(),
            finished_at: (self.world.clock)().to_string(),
            tool: self.tool()?,
            network: std::mem::take(&mut self.network),
            people: std::mem::take(&mut self.people),
            ceremony: std::mem::take(&mut self.ceremony),
            folder: self.folders.back_from(written),
            inputs: std::mem::take(&mut self.inputs),
            typed: std::mem::take(&mut self.typed),
            shares: std::mem::take(&mut self.shares),
            keys: std::mem::take(&mut self.keys),
            outputs: std::mem::take(&mut self.outputs),
            signatures: closings
                .iter()
                .map(|closing| self.signature_record(written, closing))
                .collect(),
        })
    }

    fn statement(&self) -> String {
        match self.mode {
            Mode::Real => "Record of a ceremony, signed with the root's key.".to_owned(),
            Mode::Rehearsal => format!(
                "{}: record of an exercise, signed with a throw-away key. Nothing in it may be \
                 trusted.",
                rehearsal::MARK
            ),
        }
    }

    fn tool(&self) -> Result<Tool, Error> {
        let hash = |path: &Path| {
            read_bounded(path, MAX_PROGRAM_BYTES)
                .map(|content| sha256_hex(&content))
                .map_err(|error| Error::Internal(format!("cannot read this program: {error}")))
        };
        Ok(Tool {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            program_sha256: self.world.program.as_deref().map(hash).transpose()?,
        })
    }

    fn signature_record(&self, written: &Path, closing: &Closing<'_>) -> SignatureRecord {
        let Closing { signer, suffix } = closing;
        let path = transcript::signature_path(written, suffix);
        SignatureRecord {
            signed_by: signer.role().to_owned(),
            file: path.file_name().map(Into::into).unwrap_or_default(),
            algorithm: transcript::algorithm_name(signer.algorithm()).to_owned(),
            public_key_sha256: hex::lower(&signer.certificate().public_key().fingerprint_sha256()),
            certificate: signer.certificate_file().to_owned(),
            certificate_sha256: hex::lower(&signer.certificate().fingerprint_sha256()),
        }
    }
}

/// A ceremony that is over; its files are durable.
#[derive(Debug)]
pub(crate) struct Done {
    /// Every file that was written.
    pub(crate) files: Vec<std::path::PathBuf>,
    /// Whether it counted.
    pub(crate) mode: Mode,
}

const MAX_PROGRAM_BYTES: u64 = 1024 * 1024 * 1024;
