//! The folder is filled in a staging folder first, then moved file by file, the last file last.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::files::{self, Mode, at};

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
        files::write_new(&self.path(name), text.as_bytes(), mode)
    }

    /// Moves the files into place in this order and removes the staging folder.
    pub(super) fn finish(self, names: &[&str]) -> Result<(), Error> {
        for name in names {
            files::rename(&self.path(name), &self.target.join(name))?;
        }
        fs::remove_dir(&self.folder).map_err(|source| at(&self.folder, source))
    }
}
