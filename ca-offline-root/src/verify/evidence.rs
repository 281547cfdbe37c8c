//! The files that a transcript speaks of, wherever they are today.

use std::path::{Path, PathBuf};

use ca_pki::Certificate;

use crate::Error;
use crate::sitting::read_bounded;

/// Where the files of a transcript are looked for.
pub(super) struct Evidence {
    beside: PathBuf,
    home: PathBuf,
}

impl Evidence {
    /// Looks around a transcript; `folder` is the way from it to the ceremony's folder.
    pub(super) fn around(transcript: &Path, folder: &Path) -> Self {
        let beside = transcript.parent().unwrap_or(Path::new("")).to_owned();
        Self {
            home: beside.join(folder),
            beside,
        }
    }

    /// Reads a file where the transcript says that it is, else beside the transcript: archives
    /// keep everything in one folder.
    pub(super) fn read(&self, recorded: &Path) -> Option<Vec<u8>> {
        let archived = recorded.file_name().map(|name| self.beside.join(name));
        [Some(self.home.join(recorded)), archived]
            .into_iter()
            .flatten()
            .find_map(|path| read_bounded(&path, MAX_BYTES).ok())
    }

    /// Reads a signature; it lies beside the transcript.
    pub(super) fn signature(&self, recorded: &Path) -> Result<Vec<u8>, Error> {
        let name = recorded.file_name().map(Path::new).unwrap_or(recorded);
        read_bounded(&self.beside.join(name), MAX_BYTES)
            .map_err(|error| Error::Verification(format!("{}: {error}", name.display())))
    }

    /// Reads the certificate of a root that signed.
    pub(super) fn certificate(&self, recorded: &Path) -> Result<Certificate, Error> {
        let refused =
            |reason: &str| Error::Verification(format!("{}: {reason}", recorded.display()));
        let content = self
            .read(recorded)
            .ok_or_else(|| refused("the root's certificate is not here; give it with --root"))?;
        parse(content).ok_or_else(|| refused("this is not one certificate in PEM"))
    }
}

/// Reads the certificate that `--root` names.
pub(super) fn read_certificate(path: &Path) -> Result<Certificate, Error> {
    let content = read_bounded(path, MAX_BYTES).map_err(|error| Error::input(path, error))?;
    parse(content).ok_or_else(|| Error::input(path, "this is not one certificate in PEM"))
}

fn parse(content: Vec<u8>) -> Option<Certificate> {
    let mut chain = Certificate::parse_pem_chain(&String::from_utf8(content).ok()?).ok()?;
    (chain.len() == 1).then(|| chain.pop()).flatten()
}

const MAX_BYTES: u64 = 4 * 1024 * 1024;
