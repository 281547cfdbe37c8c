//! A pool of connections that is replaced as a whole when they are lost in silence.
//!
//! Nothing ends a connection whose host is gone: a statement on it would wait for ever, unless
//! somebody waits for its answer and leaves. So each has a deadline, beyond the one that the server
//! sets it. After one that was given up, the driver asks the connection, this time without a
//! deadline, whether it may go back to its place in the pool. That place is taken for as long as
//! the system goes on trying, a quarter of an hour on Linux, and a pool has few. So whoever finds no
//! place, or gives a statement up, doubts the pool, and another one takes its place, which
//! connects as it is used.
//!
//! Statements that still run in the old one go on, and its connections end with the last of them;
//! those that hang are left to the system. A database that is merely slow is therefore given
//! another pool's worth of connections for a while, at most each time that a place was waited for
//! in vain.

mod kept;
mod transaction;

pub(crate) use transaction::PoolTransaction;

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sea_orm::{
    ConnAcquireErr, ConnectOptions, ConnectionTrait, Database, DatabaseConnection,
    DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, SqliteTransactionMode,
    Statement, TransactionOptions, TransactionTrait,
};
use tokio::runtime::Handle;
use tokio::time::timeout;

use self::kept::Kept;

/// Connections to one database. Clones share them.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Shared>);

struct Shared {
    begun: Instant,
    /// When a statement was answered last, in microseconds after `begun`.
    answered: AtomicU64,
    current: RwLock<Current>,
    /// How others are made; a file has no host that could be gone.
    others: Option<Others>,
}

struct Others {
    options: ConnectOptions,
    places: u32,
}

struct Current {
    way: Way,
    since: Instant,
}

/// How connections come to their users.
#[derive(Clone)]
enum Way {
    /// From the driver: to a file.
    Driver(DatabaseConnection),
    /// From those kept at hand: to a server.
    Kept(Kept),
}

/// A statement under way; dropped before it is over, it was given up.
struct Asking<'a> {
    pool: &'a Pool,
    begun: Instant,
    is_over: bool,
}

impl Pool {
    /// Connects to a file.
    pub(crate) async fn of_file(options: ConnectOptions) -> Result<Self, DbErr> {
        let connections = Database::connect(options).await?;
        Ok(Self::of(Way::Driver(connections), None))
    }

    /// Connects to a server, which must be there now. So many connections at most are kept; what
    /// there may be beyond is for who speaks to the driver itself.
    pub(crate) async fn of_server(mut options: ConnectOptions, places: u32) -> Result<Self, DbErr> {
        let connections = Database::connect(options.clone()).await?;
        options.connect_lazy(true);
        let way = Way::Kept(Kept::new(connections, places));
        Ok(Self::of(way, Some(Others { options, places })))
    }

    fn of(way: Way, others: Option<Others>) -> Self {
        let since = Instant::now();
        Self(Arc::new(Shared {
            begun: since,
            answered: AtomicU64::default(),
            current: RwLock::new(Current { way, since }),
            others,
        }))
    }

    /// Returns the driver's connections of now, for what only the driver can do: a stream of rows,
    /// a snapshot. To a server few are to be had.
    pub(crate) fn connections(&self) -> DatabaseConnection {
        match self.way() {
            Way::Driver(connections) => connections,
            Way::Kept(kept) => kept.driver().clone(),
        }
    }

    /// Begins a transaction that writes. Whoever gives up what is done in it must say so: see
    /// [`Pool::doubt`].
    pub(crate) async fn begin(&self) -> Result<PoolTransaction, DbErr> {
        // SQLite: take the write lock at once. A transaction that reads first and then writes
        // fails as soon as another process (a command beside the server) wrote in between.
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        match self.way() {
            Way::Driver(connections) => {
                let begun = connections.begin_with_options(options).await;
                begun.map(PoolTransaction::File)
            }
            Way::Kept(kept) => {
                let begun = self.in_time(kept.begin()).await;
                begun.map(PoolTransaction::Server)
            }
        }
    }

    /// Begins a transaction of the driver.
    pub(crate) async fn begin_with_options(
        &self,
        options: TransactionOptions,
    ) -> Result<DatabaseTransaction, DbErr> {
        self.in_time(self.connections().begin_with_options(options))
            .await
    }

    /// Asks the database for a sign of life, through the driver.
    pub(crate) async fn ping(&self) -> Result<(), DbErr> {
        self.in_time(self.connections().ping()).await
    }

    /// Replaces the connections that hung since this moment, unless that was done since.
    pub(crate) fn doubt(&self, begun: Instant) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let (pool, Some(others)) = (self.clone(), &self.0.others) else {
            return;
        };
        if !self.is_older_than(begun) {
            return;
        }
        let (options, places) = (others.options.clone(), others.places);
        runtime.spawn(async move {
            // It connects when it is used: nothing waits here.
            match Database::connect(options).await {
                Ok(connections) => pool.replace(begun, Kept::new(connections, places)),
                Err(error) => tracing::error!(%error, "the database's URL is not one any more"),
            }
        });
    }

    /// Closes the connections; those that hang are left to the system.
    pub(crate) async fn close(&self) -> Result<(), DbErr> {
        let closing = async {
            match self.way() {
                Way::Driver(connections) => connections.close().await,
                Way::Kept(kept) => kept.close().await,
            }
        };
        let closed = timeout(CLOSING, closing).await;
        closed.unwrap_or_else(|_elapsed| Err(no_answer()))
    }

    fn way(&self) -> Way {
        let current = self.0.current.read();
        let current = current.unwrap_or_else(PoisonError::into_inner);
        current.way.clone()
    }

    fn is_older_than(&self, moment: Instant) -> bool {
        let current = self.0.current.read();
        let current = current.unwrap_or_else(PoisonError::into_inner);
        current.since <= moment
    }

    fn replace(&self, begun: Instant, kept: Kept) {
        let current = self.0.current.write();
        let mut current = current.unwrap_or_else(PoisonError::into_inner);
        if current.since > begun {
            return;
        }
        tracing::warn!("the database does not answer on its connections, others replace them");
        let since = Instant::now();
        let way = Way::Kept(kept);
        *current = Current { way, since };
    }

    /// Waits for an answer as long as there may be one.
    async fn in_time<T>(&self, asked: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        if self.0.others.is_none() {
            return asked.await;
        }
        let mut asking = Asking {
            pool: self,
            begun: Instant::now(),
            is_over: false,
        };
        let answered = timeout(PATIENCE, asked).await;
        asking.is_over = true;
        let answered = answered.unwrap_or(Err(no_answer()));
        match &answered {
            Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)) => self.doubt(asking.begun),
            Ok(_) | Err(_) => self.note_answer(),
        }
        answered
    }

    fn note_answer(&self) {
        let after = self.0.begun.elapsed().as_micros();
        let after = u64::try_from(after).unwrap_or(u64::MAX);
        self.0.answered.store(after, Ordering::Relaxed);
    }

    fn has_answered_since(&self, moment: Instant) -> bool {
        let after = moment.saturating_duration_since(self.0.begun).as_micros();
        u128::from(self.0.answered.load(Ordering::Relaxed)) >= after
    }
}

impl Drop for Asking<'_> {
    /// Who leaves soon has not waited for the database, and who leaves while others are answered
    /// has asked for much: a client hung up.
    fn drop(&mut self) {
        let is_silent =
            self.begun.elapsed() >= SILENCE && !self.pool.has_answered_since(self.begun);
        if !self.is_over && is_silent {
            self.pool.doubt(self.begun);
        }
    }
}

fn no_answer() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)
}

#[async_trait]
impl ConnectionTrait for Pool {
    fn get_database_backend(&self) -> DbBackend {
        match self.way() {
            Way::Driver(connections) => connections.get_database_backend(),
            Way::Kept(_) => DbBackend::Postgres,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self.way() {
            Way::Driver(connections) => connections.execute_raw(statement).await,
            Way::Kept(kept) => self.in_time(kept.execute(statement)).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self.way() {
            Way::Driver(connections) => connections.execute_unprepared(sql).await,
            Way::Kept(kept) => self.in_time(kept.execute_unprepared(sql)).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self.way() {
            Way::Driver(connections) => connections.query_one_raw(statement).await,
            Way::Kept(kept) => {
                let rows = self.in_time(kept.query(statement)).await?;
                Ok(rows.into_iter().next())
            }
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self.way() {
            Way::Driver(connections) => connections.query_all_raw(statement).await,
            Way::Kept(kept) => self.in_time(kept.query(statement)).await,
        }
    }
}

/// How long a connection is waited for.
pub(crate) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// A statement that was given up after so long was waited for in vain. Less than anybody's patience.
const SILENCE: Duration = Duration::from_millis(1_500);
/// Longer than a place is waited for and the server lets a statement run, together.
const PATIENCE: Duration = Duration::from_secs(16);
const CLOSING: Duration = Duration::from_secs(5);
