//! SQLite on the calling thread.
//!
//! The driver of the pool keeps a thread for each connection and hands every statement to it and
//! back: two switches of context, which cost several times what a short statement does. Here a
//! statement is a call. Writes run so on the writer's own thread; reads only where they touch a
//! few pages, since the caller's thread waits for them.

mod fault;
mod transaction;
mod value;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use sea_orm::{DbErr, Value};

use self::fault::{closed, db_err};

pub(crate) use self::fault::{is_busy, not_here};
pub(crate) use self::transaction::Transaction;

/// A row's values, in the order of its columns.
pub(crate) type Row = Vec<Value>;

/// One connection to a database file.
pub(crate) struct Local(Mutex<Option<Connection>>);

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Writes groups or makes checkpoints, and waits while another process holds the file.
    Writes,
    /// Reads, and never waits.
    Reads,
}

impl Local {
    /// Opens a database file that exists.
    pub(crate) fn open(file: &Path, role: Role) -> Result<Self, DbErr> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags).map_err(db_err)?;
        prepare(&connection, role).map_err(db_err)?;
        Ok(Self(Mutex::new(Some(connection))))
    }

    /// Closes the file. Whatever comes later finds the store unavailable.
    pub(crate) fn close(&self) -> Result<(), DbErr> {
        match self.connection().take() {
            Some(connection) => connection.close().map_err(|(_, error)| db_err(error)),
            None => Ok(()),
        }
    }

    /// Copies what is committed from the log into the database, as far as no reader needs the log,
    /// so that the log begins anew. Waits for nobody, but for the disk.
    ///
    /// A crash leaves both: what was copied is copied again.
    pub(crate) fn checkpoint(&self) -> Result<(), DbErr> {
        let guard = self.connection();
        let connection = guard.as_ref().ok_or_else(closed)?;
        let copied = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_counts| Ok(()));
        copied.map_err(db_err)
    }

    /// Runs a statement and returns how many rows it changed.
    fn execute(&self, sql: &str, values: &[Value]) -> Result<u64, DbErr> {
        let guard = self.connection();
        let connection = guard.as_ref().ok_or_else(closed)?;
        execute(connection, sql, values).map_err(db_err)
    }

    /// Reads rows, unless another thread is reading on this connection.
    pub(crate) fn try_query(&self, sql: &str, values: &[Value]) -> Option<Result<Vec<Row>, DbErr>> {
        let guard = match self.0.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        let connection = guard.as_ref()?;
        Some(query(connection, sql, values))
    }

    fn connection(&self) -> MutexGuard<'_, Option<Connection>> {
        // SQLite keeps its own state whole, whoever panicked beside it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// WAL lets readers go on beside the writer; FULL syncs it at each commit, so that what was
/// answered survives a power cut.
fn prepare(connection: &Connection, role: Role) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Else each new value of a LIMIT has its statement compiled again: it might want another plan.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", "on")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", LARGEST_IDLE_LOG_BYTES)?;
    if role == Role::Reads {
        connection.pragma_update(None, "query_only", "on")?;
        connection.busy_timeout(Duration::ZERO)?;
    }
    connection.set_prepared_statement_cache_capacity(KEPT_STATEMENTS);
    Ok(())
}

fn execute(connection: &Connection, sql: &str, values: &[Value]) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached(sql)?;
    value::bind(&mut statement, values)?;
    Ok(statement.raw_execute()? as u64)
}

fn query(connection: &Connection, sql: &str, values: &[Value]) -> Result<Vec<Row>, DbErr> {
    let mut statement = connection.prepare_cached(sql).map_err(db_err)?;
    value::bind(&mut statement, values).map_err(db_err)?;
    let columns = value::columns(&statement);
    let mut rows = statement.raw_query();
    let mut read = Vec::new();
    while let Some(row) = rows.next().map_err(db_err)? {
        read.push(value::row(row, &columns)?);
    }
    Ok(read)
}

/// How long a connection waits for the lock of another process.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// At this length of the log a commit makes the checkpoint itself: only where others come too late.
pub(crate) const CHECKPOINT_PAGES: i64 = 12_000;
/// What the log keeps of its size once they have.
pub(crate) const LARGEST_IDLE_LOG_BYTES: i64 = 64 * 1024 * 1024;
/// More than there are statements, so that each is compiled once.
const KEPT_STATEMENTS: usize = 256;

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn a_statement_is_compiled_once_whatever_is_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        std::fs::File::create(&path).unwrap();
        let local = Local::open(&path, Role::Reads).unwrap();
        let sql = "SELECT name FROM sqlite_schema WHERE name > ? LIMIT ?";

        for limit in 1..5_i64 {
            let values = [Value::from("a"), Value::from(limit)];
            local.try_query(sql, &values).unwrap().unwrap();
        }

        let guard = local.connection();
        let statement = guard.as_ref().unwrap().prepare_cached(sql).unwrap();
        assert_eq!(statement.get_status(StatementStatus::Run), 4);
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }

    #[test]
    fn a_checkpoint_beside_the_writer_lets_the_log_begin_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        std::fs::File::create(&path).unwrap();
        let log = path.with_extension("db-wal");
        let writer = Local::open(&path, Role::Writes).unwrap();
        let beside = Local::open(&path, Role::Writes).unwrap();
        writer.execute("CREATE TABLE t (n bigint)", &[]).unwrap();
        let at_first = std::fs::metadata(&log).unwrap().len();

        for _ in 0..20 {
            beside.checkpoint().unwrap();
            writer.execute("INSERT INTO t VALUES (1)", &[]).unwrap();
        }

        assert_eq!(std::fs::metadata(&log).unwrap().len(), at_first);
    }
}
