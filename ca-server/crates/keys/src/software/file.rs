//! Key files on disk: closed to others, written whole or not at all, never overwritten.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::KeyError;

/// A key file's text, and who may open it.
pub(super) struct KeyFile {
    pub(super) pem: Zeroizing<String>,
    mode: u32,
}

/// Reads a key file.
pub(super) fn read(path: &Path) -> Result<KeyFile, KeyError> {
    let mut pem = Zeroizing::new(String::with_capacity(MAX_LENGTH_BYTES));
    let mode = read_into(&mut pem, path).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            KeyError::Key("there is no such file".into()).at(path)
        } else {
            KeyError::Device(error.to_string()).at(path)
        }
    })?;
    Ok(KeyFile { pem, mode })
}

fn read_into(text: &mut String, path: &Path) -> io::Result<u32> {
    let file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode();
    file.take(MAX_LENGTH_BYTES as u64).read_to_string(text)?;
    Ok(mode & 0o777)
}

impl KeyFile {
    /// Refuses a file that its group or everyone can read or write.
    pub(super) fn require_owner_only(&self, path: &Path) -> Result<(), KeyError> {
        if self.mode & 0o077 == 0 {
            return Ok(());
        }
        Err(KeyError::Key(format!(
            "the key is not encrypted and its file is open to others (mode {:04o}): run `chmod 600`",
            self.mode
        ))
        .at(path))
    }
}

/// Writes a new file; see [`super::SoftwareKey::write_new`] for what a crash leaves.
pub(super) fn write_new(path: &Path, content: &[u8]) -> Result<(), KeyError> {
    let temporary = temporary_beside(path)?;
    // A link fails where the name is taken, so two writers cannot both win, as with a rename.
    let written = write_whole(&temporary, content).and_then(|()| fs::hard_link(&temporary, path));
    let removed = fs::remove_file(&temporary);
    written
        .and(removed)
        .and_then(|()| File::open(folder_of(path))?.sync_all())
        .map_err(|error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                KeyError::Key("there is a file already, and keys are never overwritten".into())
            } else {
                KeyError::Device(error.to_string())
            }
            .at(path)
        })
}

fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn temporary_beside(path: &Path) -> Result<PathBuf, KeyError> {
    let random =
        getrandom::u64().map_err(|error| KeyError::Device(format!("no random number: {error}")))?;
    Ok(folder_of(path).join(format!(".key-{random:016x}.tmp")))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    }
}

// An encrypted RSA-8192 key in PEM is below 8 KiB.
const MAX_LENGTH_BYTES: usize = 64 * 1024;
