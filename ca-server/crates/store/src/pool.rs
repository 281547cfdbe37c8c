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

use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sea_orm::{
    ConnAcquireErr, ConnectOptions, ConnectionTrait, Database, DatabaseConnection,
    DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement, TransactionOptions,
    TransactionTrait,
};
use tokio::runtime::Handle;
use tokio::time::timeout;

/// Connections to one database. Clones share them.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Shared>);

struct Shared {
    current: RwLock<Current>,
    /// How another one is made; a file has no host that could be gone.
    another: Option<ConnectOptions>,
}

struct Current {
    connections: DatabaseConnection,
    since: Instant,
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
        Ok(Self::of(connections, None))
    }

    /// Connects to a server, which must be there now.
    pub(crate) async fn of_server(options: ConnectOptions) -> Result<Self, DbErr> {
        let connections = Database::connect(options.clone()).await?;
        let mut another = options;
        another.connect_lazy(true);
        Ok(Self::of(connections, Some(another)))
    }

    fn of(connections: DatabaseConnection, another: Option<ConnectOptions>) -> Self {
        let since = Instant::now();
        let current = RwLock::new(Current { connections, since });
        Self(Arc::new(Shared { current, another }))
    }

    /// Returns the connections of now.
    pub(crate) fn connections(&self) -> DatabaseConnection {
        let current = self.0.current.read();
        let current = current.unwrap_or_else(PoisonError::into_inner);
        current.connections.clone()
    }

    /// Begins a transaction. Whoever gives up what is done in it must say so: see
    /// [`Pool::doubt`].
    pub(crate) async fn begin_with_options(
        &self,
        options: TransactionOptions,
    ) -> Result<DatabaseTransaction, DbErr> {
        self.in_time(self.connections().begin_with_options(options))
            .await
    }

    /// Asks the database for a sign of life.
    pub(crate) async fn ping(&self) -> Result<(), DbErr> {
        self.in_time(self.connections().ping()).await
    }

    /// Replaces the connections that hung since this moment, unless that was done since.
    pub(crate) fn doubt(&self, begun: Instant) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let (pool, Some(another)) = (self.clone(), self.0.another.clone()) else {
            return;
        };
        if !self.is_older_than(begun) {
            return;
        }
        runtime.spawn(async move {
            // It connects when it is used: nothing waits here.
            match Database::connect(another).await {
                Ok(connections) => pool.replace(begun, connections),
                Err(error) => tracing::error!(%error, "the database's URL is not one any more"),
            }
        });
    }

    /// Closes the connections; those that hang are left to the system.
    pub(crate) async fn close(&self) -> Result<(), DbErr> {
        match timeout(CLOSING, self.connections().close()).await {
            Ok(closed) => closed,
            Err(_elapsed) => Err(no_answer()),
        }
    }

    fn is_older_than(&self, moment: Instant) -> bool {
        let current = self.0.current.read();
        let current = current.unwrap_or_else(PoisonError::into_inner);
        current.since <= moment
    }

    fn replace(&self, begun: Instant, connections: DatabaseConnection) {
        let current = self.0.current.write();
        let mut current = current.unwrap_or_else(PoisonError::into_inner);
        if current.since > begun {
            return;
        }
        tracing::warn!("the database does not answer on its connections, others replace them");
        let since = Instant::now();
        *current = Current { connections, since };
    }

    /// Waits for an answer as long as there may be one.
    async fn in_time<T>(&self, asked: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        if self.0.another.is_none() {
            return asked.await;
        }
        let mut asking = Asking {
            pool: self,
            begun: Instant::now(),
            is_over: false,
        };
        let answered = timeout(PATIENCE, asked).await;
        let answered = answered.unwrap_or(Err(no_answer()));
        // Without a place, or without an answer, this is as doubtful as when it is given up.
        asking.is_over = !matches!(
            &answered,
            Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))
        );
        answered
    }
}

impl Drop for Asking<'_> {
    /// Who leaves soon has not waited for the database.
    fn drop(&mut self) {
        if !self.is_over && self.begun.elapsed() >= SILENCE {
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
        let current = self.0.current.read();
        let current = current.unwrap_or_else(PoisonError::into_inner);
        current.connections.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.in_time(self.connections().execute_raw(statement))
            .await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.in_time(self.connections().execute_unprepared(sql))
            .await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.in_time(self.connections().query_one_raw(statement))
            .await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.in_time(self.connections().query_all_raw(statement))
            .await
    }
}

/// A statement that was given up after so long was waited for in vain. Less than anybody's patience.
const SILENCE: Duration = Duration::from_millis(1_500);
/// Longer than a place is waited for and the server lets a statement run, together.
const PATIENCE: Duration = Duration::from_secs(16);
const CLOSING: Duration = Duration::from_secs(5);
