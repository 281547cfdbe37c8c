//! Writing the folder: everything into a staging folder first, then moved, the last file last.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_issuance::Entropy;
use ca_issuance::world::SystemEntropy;

use crate::error::Error;

/// Who may read a file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mode {
    /// Everybody.
    Public,
    /// The owner.
    Secret,
}

/// A folder being filled.
pub(super) struct Staging {
    target: PathBuf,
    folder: PathBuf,
}

impl Staging {
    /// Makes the target (owner only) and an empty staging folder in it.
    pub(super) fn begin(target: &Path) -> Result<Self, Error> {
        let folder = target.join(".making");
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|source| at(&folder, source))?;
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|source| at(&folder, source))?;
        Ok(Self {
            target: target.to_owned(),
            folder,
        })
    }

    /// Returns where a file of this name is staged.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes a file, durably.
    pub(super) fn write(&self, name: &str, text: &str, mode: Mode) -> Result<(), Error> {
        write_new(&self.path(name), text.as_bytes(), mode)
    }

    /// Moves the files into place in this order and removes the staging folder.
    pub(super) fn finish(self, names: &[&str]) -> Result<(), Error> {
        for name in names {
            let (from, to) = (self.path(name), self.target.join(name));
            fs::rename(&from, &to).map_err(|source| at(&to, source))?;
            sync_folder(&self.target)?;
        }
        fs::remove_dir(&self.folder).map_err(|source| at(&self.folder, source))
    }
}

/// Reads a text file.
pub(super) fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| at(path, source))
}

/// Replaces a file, durably and at once: readers see the old or the new one.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), Error> {
    let fresh = path.with_extension("new");
    if fresh.exists() {
        fs::remove_file(&fresh).map_err(|source| at(&fresh, source))?;
    }
    write_new(&fresh, content, Mode::Public)?;
    fs::rename(&fresh, path).map_err(|source| at(path, source))?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Draws a token of 256 bits.
pub(super) fn token() -> Result<String, Error> {
    let mut octets = [0; 32];
    SystemEntropy::default()
        .fill(&mut octets)
        .map_err(|error| Error::Quickstart(error.to_string()))?;
    Ok(format!("{}\n", URL_SAFE_NO_PAD.encode(octets)))
}

fn write_new(path: &Path, content: &[u8], mode: Mode) -> Result<(), Error> {
    let bits = match mode {
        Mode::Public => 0o644,
        Mode::Secret => 0o600,
    };
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(bits)
        .open(path)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()));
    written.map_err(|source| at(path, source))
}

fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| at(folder, source))
}

fn at(path: &Path, source: std::io::Error) -> Error {
    Error::File {
        path: path.to_owned(),
        source,
    }
}
