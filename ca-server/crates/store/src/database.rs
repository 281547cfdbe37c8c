//! Where groups are written.
//!
//! A file is written in one of two ways: the swift one, on the writer's own thread, and the one
//! through the pool ([`Transaction`]). A database that servers share only through the pool.

use std::sync::Arc;

use sea_orm::DbErr;

use crate::pool::Pool;
use crate::sqlite::{self, Local};
use crate::transaction::Transaction;

/// Where groups are written.
#[derive(Clone)]
pub(crate) struct Database {
    /// A file, on the writer's own thread.
    pub(crate) swift: Option<Arc<Local>>,
    /// Anything, through the driver.
    pub(crate) pool: Pool,
}

impl Database {
    /// Begins a transaction whose changes stand or fall together: in the swift way if there is
    /// one and the changes are for it, else so that rows can be gathered.
    pub(crate) async fn begin_together(&self, is_swift: bool) -> Result<Transaction, DbErr> {
        match &self.swift {
            Some(local) if is_swift => sqlite::Transaction::begin(local).map(Transaction::Swift),
            Some(_) => self.begin().await,
            None => self.pool.begin().await.map(Transaction::gathering),
        }
    }

    /// Begins a transaction that takes every statement and has savepoints.
    pub(crate) async fn begin(&self) -> Result<Transaction, DbErr> {
        self.pool.begin().await.map(Transaction::plain)
    }

    /// Closes the pool's connection to a file, so that the next group begins with a new one.
    ///
    /// SQLite ends a transaction by itself where the disk fails. The driver does not see that and
    /// counts it as open: what comes later would be a savepoint inside of a transaction that nobody
    /// commits, answered and then lost.
    pub(crate) async fn renew(&self) {
        if self.swift.is_none() {
            return;
        }
        let renewed = match self
            .pool
            .connections()
            .get_sqlite_connection_pool()
            .acquire()
            .await
        {
            Ok(connection) => connection.close().await,
            Err(error) => Err(error),
        };
        if let Err(error) = renewed {
            tracing::warn!(%error, "a connection of the store did not close");
        }
    }

    /// Closes the connections.
    pub(crate) async fn close(&self) -> Result<(), DbErr> {
        if let Some(local) = &self.swift {
            local.close()?;
        }
        self.pool.close().await
    }
}
