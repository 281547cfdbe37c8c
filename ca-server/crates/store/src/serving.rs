//! One server for each database file.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Error;

/// Takes the lock that marks a database file as served. The system drops it with the process,
/// however that ends. It is a file of its own: SQLite's locks on the database would be lost with
/// any other handle on it that closes.
pub(crate) fn lock_for_serving(database: &Path) -> Result<File, Error> {
    let mut path = database.as_os_str().to_owned();
    path.push(".serving");
    let path = PathBuf::from(path);
    let inaccessible = |source: std::io::Error| Error::FileNotAccessible {
        path: path.clone(),
        source: Arc::new(source),
    };
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(inaccessible)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(Error::AlreadyServed),
        Err(TryLockError::Error(error)) => Err(inaccessible(error)),
    }
}
