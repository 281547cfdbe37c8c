//! Transactions that begin in a pool.

use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement,
    TransactionTrait,
};
use sqlx::PgConnection;
use tokio::sync::{Mutex, MutexGuard};

use super::kept::{self, Kept, Taken};

/// A transaction, or a savepoint in one. Dropped unfinished, it is undone.
pub(crate) enum PoolTransaction {
    /// In a file.
    File(DatabaseTransaction),
    /// On a server.
    Server(ServerTransaction),
}

/// A transaction on a server, or a savepoint in one, on a connection that is kept afterwards.
pub(crate) struct ServerTransaction {
    /// Never waited for: a transaction rests while its savepoint is under way.
    open: Arc<Mutex<Open>>,
    kept: Kept,
    extent: Extent,
}

/// The connection of a transaction. Dropped before its end, it is closed: the server then undoes
/// what was done.
struct Open(Option<Taken>);

/// What begins and ends: names of savepoints may recur, the last counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    Whole,
    Part,
}

impl PoolTransaction {
    /// Begins a part that can be undone by itself.
    pub(crate) async fn savepoint(&self) -> Result<Self, DbErr> {
        match self {
            Self::File(transaction) => transaction.begin().await.map(Self::File),
            Self::Server(transaction) => transaction.savepoint().await.map(Self::Server),
        }
    }

    /// Makes it durable; a part becomes part of the whole.
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        match self {
            Self::File(transaction) => transaction.commit().await,
            Self::Server(transaction) => transaction.commit().await,
        }
    }

    /// Undoes it.
    pub(crate) async fn rollback(self) -> Result<(), DbErr> {
        match self {
            Self::File(transaction) => transaction.rollback().await,
            Self::Server(transaction) => transaction.rollback().await,
        }
    }
}

impl ServerTransaction {
    /// Begins a transaction on a connection.
    pub(super) async fn begin(kept: &Kept, taken: Taken) -> Result<Self, DbErr> {
        let transaction = Self {
            open: Arc::new(Mutex::new(Open(Some(taken)))),
            kept: kept.clone(),
            extent: Extent::Whole,
        };
        transaction.run("BEGIN").await?;
        Ok(transaction)
    }

    async fn savepoint(&self) -> Result<Self, DbErr> {
        self.run("SAVEPOINT part").await?;
        Ok(Self {
            open: Arc::clone(&self.open),
            kept: self.kept.clone(),
            extent: Extent::Part,
        })
    }

    async fn commit(self) -> Result<(), DbErr> {
        let commit = match self.extent {
            Extent::Whole => "COMMIT",
            Extent::Part => "RELEASE SAVEPOINT part",
        };
        self.end(commit).await
    }

    async fn rollback(self) -> Result<(), DbErr> {
        let rollback = match self.extent {
            Extent::Whole => "ROLLBACK",
            Extent::Part => "ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part",
        };
        self.end(rollback).await
    }

    /// Keeps the connection afterwards; that of a savepoint is still its transaction's.
    async fn end(self, sql: &str) -> Result<(), DbErr> {
        self.run(sql).await?;
        if let Some(open) = Arc::into_inner(self.open)
            && let Some(taken) = open.into_inner().0.take()
        {
            self.kept.keep(taken);
        }
        Ok(())
    }

    async fn run(&self, sql: &str) -> Result<(), DbErr> {
        kept::execute_unprepared(self.lock().await.connection()?, sql).await?;
        Ok(())
    }

    async fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().await
    }
}

impl Open {
    fn connection(&mut self) -> Result<&mut PgConnection, DbErr> {
        let taken = self.0.as_mut().ok_or_else(super::no_answer)?;
        Ok(&mut taken.connection)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(taken) = &mut self.0 {
            taken.connection.close_on_drop();
        }
    }
}

#[async_trait]
impl ConnectionTrait for PoolTransaction {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::File(transaction) => transaction.get_database_backend(),
            Self::Server(_) => DbBackend::Postgres,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::File(transaction) => transaction.execute_raw(statement).await,
            Self::Server(transaction) => {
                let mut open = transaction.lock().await;
                kept::execute(open.connection()?, statement).await
            }
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::File(transaction) => transaction.execute_unprepared(sql).await,
            Self::Server(transaction) => {
                let mut open = transaction.lock().await;
                kept::execute_unprepared(open.connection()?, sql).await
            }
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::File(transaction) => transaction.query_one_raw(statement).await,
            Self::Server(_) => Ok(self.query_all_raw(statement).await?.into_iter().next()),
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::File(transaction) => transaction.query_all_raw(statement).await,
            Self::Server(transaction) => {
                let mut open = transaction.lock().await;
                kept::query(open.connection()?, statement).await
            }
        }
    }
}
