//! How fast the disk makes things durable.

use std::fs::{File, OpenOptions, remove_file};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ca_store::CommitRates;

use crate::error::Error;

/// Durable writes a second, and where.
pub(super) enum Commits {
    /// Appends to a file, each forced to the disk: what a commit of SQLite waits for.
    Disk {
        /// Of one row at a time.
        alone: f64,
        /// Rows a second where a group of them shares the wait.
        grouped_rows: f64,
        /// How many.
        group: u32,
    },
    /// Transactions of PostgreSQL.
    Database(CommitRates),
}

/// Measures in a folder.
pub(super) fn appends(folder: &Path, span: Duration) -> Result<Commits, Error> {
    let path = folder.join(format!(".ca-server-limits-{}", std::process::id()));
    let failed = |source| Error::File {
        path: path.clone(),
        source,
    };
    let scratch = Scratch::create(&path).map_err(failed)?;
    let alone = scratch.appends(1, span).map_err(failed)?;
    let groups = scratch.appends(GROUP, span).map_err(failed)?;
    Ok(Commits::Disk {
        alone,
        grouped_rows: groups * f64::from(GROUP),
        group: GROUP,
    })
}

/// A file that is gone when this is.
struct Scratch {
    path: PathBuf,
    file: File,
}

impl Scratch {
    fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(path)?;
        let path = path.to_owned();
        Ok(Self { path, file })
    }

    fn appends(&self, rows: u32, span: Duration) -> io::Result<f64> {
        let group = vec![0x5a; ROW_BYTES * usize::try_from(rows).unwrap_or(1)];
        let begun = Instant::now();
        let mut made = 0_u32;
        while begun.elapsed() < span {
            (&self.file).write_all(&group)?;
            self.file.sync_data()?;
            made += 1;
        }
        Ok(f64::from(made) / begun.elapsed().as_secs_f64())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nobody waits for it; what stays is named after this program.
        let _ = remove_file(&self.path);
    }
}

/// As many changes as share a commit under load.
const GROUP: u32 = 32;
/// A certificate with its event, in pages of the write-ahead log.
const ROW_BYTES: usize = 4_096;
