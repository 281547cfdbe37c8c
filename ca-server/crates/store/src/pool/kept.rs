//! Connections to a server, kept at hand between statements.
//!
//! The driver's pool asks each connection that comes back whether it still lives: a way to the
//! database and a task, as much as a short statement costs. Who was answered knows it already. So a
//! connection stays here after an answer, and goes back to the driver only if the answer failed or
//! was given up, or after it has lain here for a while; the driver asks it then, and closes it if
//! it is dead.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::sea_query::Values;
use sea_orm::{
    ConnAcquireErr, DatabaseConnection, DbErr, ExecResult, QueryResult, RuntimeErr, Statement,
};
use sea_query_sqlx::SqlxValues;
use sqlx::pool::PoolConnection;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Postgres};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::transaction::ServerTransaction;

/// Connections to a server. Clones share them.
#[derive(Clone)]
pub(super) struct Kept {
    driver: DatabaseConnection,
    places: Arc<Semaphore>,
    shelf: Arc<Shelf>,
}

/// Those that nobody uses now.
#[derive(Default)]
struct Shelf(Mutex<Vec<Idle>>);

struct Idle {
    connection: PoolConnection<Postgres>,
    since: Instant,
}

/// A connection in use. Dropped, it goes back to the driver: see [`Kept::keep`].
pub(super) struct Taken {
    pub(super) connection: PoolConnection<Postgres>,
    place: OwnedSemaphorePermit,
}

impl Kept {
    /// Takes the driver's connections to a server, of which it must have more than `places`: the
    /// rest are for who speaks to the driver itself.
    pub(super) fn new(driver: DatabaseConnection, places: u32) -> Self {
        Self {
            driver,
            places: Arc::new(Semaphore::new(places.max(1) as usize)),
            shelf: Arc::default(),
        }
    }

    /// The driver's connections.
    pub(super) fn driver(&self) -> &DatabaseConnection {
        &self.driver
    }

    /// Runs a statement.
    pub(super) async fn execute(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let mut taken = self.take().await?;
        let executed = execute(&mut taken.connection, statement).await;
        self.keep_if_answered(taken, executed)
    }

    /// Runs a text that binds nothing.
    pub(super) async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let mut taken = self.take().await?;
        let executed = execute_unprepared(&mut taken.connection, sql).await;
        self.keep_if_answered(taken, executed)
    }

    /// Runs a statement and returns its rows.
    pub(super) async fn query(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let mut taken = self.take().await?;
        let rows = query(&mut taken.connection, statement).await;
        self.keep_if_answered(taken, rows)
    }

    /// Begins a transaction.
    pub(super) async fn begin(&self) -> Result<ServerTransaction, DbErr> {
        let begun = ServerTransaction::begin(self, self.take().await?).await;
        if begun.is_ok() {
            return begun;
        }
        // After the database restarted every connection here is dead, and nothing has begun yet:
        // a whole group need not fail for it. The driver tests what it hands out.
        self.forget_idle();
        ServerTransaction::begin(self, self.take().await?).await
    }

    /// Keeps a connection that has answered for who comes next.
    pub(super) fn keep(&self, taken: Taken) {
        let Taken { connection, place } = taken;
        let since = Instant::now();
        let mut idle = self.shelf.idle();
        // Else it would outlive the closing.
        if !self.places.is_closed() {
            idle.push(Idle { connection, since });
        }
        drop(idle);
        drop(place);
    }

    /// Closes the connections, once those in use have come back.
    pub(super) async fn close(self) -> Result<(), DbErr> {
        self.places.close();
        self.forget_idle();
        self.driver.close().await
    }

    /// Waits for a place, and a connection if none is at hand.
    async fn take(&self) -> Result<Taken, DbErr> {
        let taking = async {
            let place = Arc::clone(&self.places).acquire_owned().await;
            let place = place.map_err(|_closed| no_connection(ConnAcquireErr::ConnectionClosed))?;
            let connection = match self.lately_used() {
                Some(connection) => connection,
                None => self.of_driver().await?,
            };
            Ok(Taken { connection, place })
        };
        let taken = timeout(super::ACQUIRE_TIMEOUT, taking).await;
        taken.unwrap_or_else(|_elapsed| Err(no_connection(ConnAcquireErr::Timeout)))
    }

    /// The last that came back is the likeliest to live.
    fn lately_used(&self) -> Option<PoolConnection<Postgres>> {
        let last = self.shelf.idle().pop()?;
        if last.since.elapsed() >= IDLE_BEFORE_TEST {
            // Those below have lain longer. The driver tests them.
            self.forget_idle();
            return None;
        }
        Some(last.connection)
    }

    async fn of_driver(&self) -> Result<PoolConnection<Postgres>, DbErr> {
        let acquired = self.driver.get_postgres_connection_pool().acquire().await;
        acquired.map_err(|error| match matches!(error, sqlx::Error::PoolTimedOut) {
            true => no_connection(ConnAcquireErr::Timeout),
            false => DbErr::Conn(RuntimeErr::SqlxError(error.into())),
        })
    }

    fn keep_if_answered<T>(&self, taken: Taken, answer: Result<T, DbErr>) -> Result<T, DbErr> {
        match &answer {
            Ok(_) => self.keep(taken),
            // A dead one is rarely alone.
            Err(_) => self.forget_idle(),
        }
        answer
    }

    /// Gives the connections at hand to the driver, which asks them before anybody gets them.
    fn forget_idle(&self) {
        let forgotten = std::mem::take(&mut *self.shelf.idle());
        drop(forgotten);
    }
}

impl Shelf {
    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shelf {
    /// Whoever leaves without closing may have left the runtime too, without which the driver takes
    /// no connection back: these end here.
    fn drop(&mut self) {
        for idle in self.idle().drain(..) {
            drop(idle.connection.detach());
        }
    }
}

/// Runs a statement on a connection.
pub(super) async fn execute(
    connection: &mut PgConnection,
    statement: Statement,
) -> Result<ExecResult, DbErr> {
    let executed = prepared(statement).execute(connection).await;
    executed.map(ExecResult::from).map_err(exec_error)
}

/// Runs a text that binds nothing on a connection.
pub(super) async fn execute_unprepared(
    connection: &mut PgConnection,
    sql: &str,
) -> Result<ExecResult, DbErr> {
    let executed = connection.execute(AssertSqlSafe(sql.to_owned())).await;
    executed.map(ExecResult::from).map_err(exec_error)
}

/// Runs a statement on a connection and returns its rows.
pub(super) async fn query(
    connection: &mut PgConnection,
    statement: Statement,
) -> Result<Vec<QueryResult>, DbErr> {
    let rows = prepared(statement).fetch_all(connection).await;
    let rows = rows.map_err(query_error)?;
    Ok(rows.into_iter().map(QueryResult::from).collect())
}

fn query_error(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

fn exec_error(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

/// Nothing in its text is a value.
fn prepared(statement: Statement) -> Query<'static, Postgres, SqlxValues> {
    let values = statement.values.unwrap_or_else(|| Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql), SqlxValues(values))
}

fn no_connection(why: ConnAcquireErr) -> DbErr {
    DbErr::ConnectionAcquire(why)
}

/// Long enough for somebody between to forget a connection.
const IDLE_BEFORE_TEST: Duration = Duration::from_secs(5);
