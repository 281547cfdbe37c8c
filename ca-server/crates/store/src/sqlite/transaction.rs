//! Transactions on a file.

use std::sync::Arc;

use rusqlite::Connection;
use sea_orm::{DbErr, Value};

use super::fault::{closed, db_err, given_up};
use super::{Local, Row, execute, query};

/// A transaction. Dropped unfinished, it is rolled back.
pub(crate) struct Transaction {
    local: Arc<Local>,
    finished: bool,
}

impl Transaction {
    /// Takes the write lock at once: a transaction that reads first and then writes fails as soon
    /// as another process (a command beside the server) wrote in between.
    pub(crate) fn begin(local: &Arc<Local>) -> Result<Self, DbErr> {
        local.execute("BEGIN IMMEDIATE", &[])?;
        Ok(Self {
            local: Arc::clone(local),
            finished: false,
        })
    }

    /// Makes it durable. If that fails, it is undone, unless the disk lost track.
    pub(crate) fn commit(mut self) -> Result<(), DbErr> {
        self.execute("COMMIT", &[])?;
        self.finished = true;
        Ok(())
    }

    /// Undoes it.
    pub(crate) fn rollback(mut self) -> Result<(), DbErr> {
        self.finished = true;
        self.undo()
    }

    fn undo(&self) -> Result<(), DbErr> {
        self.execute("ROLLBACK", &[]).map(drop)
    }

    /// Runs a statement and returns how many rows it changed.
    pub(crate) fn execute(&self, sql: &str, values: &[Value]) -> Result<u64, DbErr> {
        self.within(|connection| execute(connection, sql, values).map_err(db_err))
    }

    /// Reads rows.
    pub(crate) fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, DbErr> {
        self.within(|connection| query(connection, sql, values))
    }

    /// A full disk ends SQLite's transaction; what came after would be committed by itself.
    fn within<T>(&self, act: impl FnOnce(&Connection) -> Result<T, DbErr>) -> Result<T, DbErr> {
        let guard = self.local.connection();
        let connection = guard.as_ref().ok_or_else(closed)?;
        if connection.is_autocommit() {
            return Err(given_up());
        }
        act(connection)
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = self.undo()
        {
            tracing::debug!(%error, "an unfinished transaction was gone already");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::Role;

    struct File {
        local: Arc<Local>,
        _folder: tempfile::TempDir,
    }

    fn file() -> File {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        std::fs::File::create(&path).unwrap();
        let local = Arc::new(Local::open(&path, Role::Writes).unwrap());
        local.execute("CREATE TABLE t (n bigint)", &[]).unwrap();
        File {
            local,
            _folder: folder,
        }
    }

    fn insert(transaction: &Transaction) {
        let one = [Value::BigInt(Some(1))];
        transaction
            .execute("INSERT INTO t VALUES ($1)", &one)
            .unwrap();
    }

    fn rows(file: &File) -> usize {
        let read = file.local.try_query("SELECT n FROM t", &[]);
        read.unwrap().unwrap().len()
    }

    #[test]
    fn what_is_dropped_unfinished_is_undone() {
        let file = file();

        let transaction = Transaction::begin(&file.local).unwrap();
        insert(&transaction);
        drop(transaction);
        let next = Transaction::begin(&file.local).unwrap();
        insert(&next);
        next.commit().unwrap();

        assert_eq!(rows(&file), 1);
    }

    #[test]
    fn nothing_is_written_after_the_database_gave_the_transaction_up() {
        let file = file();
        let transaction = Transaction::begin(&file.local).unwrap();

        file.local.execute("ROLLBACK", &[]).unwrap();
        let late = transaction.execute("INSERT INTO t VALUES (1)", &[]);

        assert!(late.is_err());
        assert!(transaction.commit().is_err());
        assert_eq!(rows(&file), 0);
    }
}
