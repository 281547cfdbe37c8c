//! A SQLite database read on the calling thread.
//!
//! The driver hands every row from a thread of its own to the task that asked: two microseconds
//! each. Whoever reads a million rows reads them here, on a thread that may block.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OpenFlags};

use crate::Error;
use crate::sqlite::BUSY_TIMEOUT;

/// A database file, opened for each reading: it is read seldom, and a connection keeps the pages.
pub(crate) struct DatabaseFile {
    path: PathBuf,
    reading: Mutex<()>,
}

impl DatabaseFile {
    /// Names the file; the schema's owner creates it.
    pub(crate) fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            reading: Mutex::default(),
        }
    }

    /// Reads, one reader at a time. Blocks: not for a task of the runtime.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let _turn = self.turn();
        work(&self.open()?)
    }

    /// Waits for who reads, so that the writer, which closes the file last, leaves it whole.
    pub(crate) fn close(&self) {
        drop(self.turn());
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Result<Connection, rusqlite::Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        Ok(connection)
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unavailable(Arc::new(error))
    }
}
