//! Opening a database: what makes it durable, and which connections do what.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use ca_issuance::Clock;
use sea_orm::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use crate::Error;
use crate::database;
use crate::point_reads::PointReads;
use crate::pool::{ACQUIRE_TIMEOUT, Pool};
use crate::sqlite::{BUSY_TIMEOUT, CHECKPOINT_PAGES, LARGEST_IDLE_LOG_BYTES, Local, Role};

/// How a store is opened.
#[derive(Clone)]
pub struct Options {
    /// Tells which orders and authorizations have expired.
    pub clock: Arc<dyn Clock>,
    /// How many connections read.
    pub readers: u32,
    /// How many connections write groups; SQLite always has one.
    pub writers: u32,
    /// How many changes a group may hold.
    pub group_size: usize,
    /// How many changes may wait for each writer before more are refused.
    pub queue_length: usize,
}

/// The connections of a store.
pub(crate) struct Connections {
    pub(crate) reads: Pool,
    pub(crate) point_reads: PointReads,
    pub(crate) writes: database::Database,
    /// Makes checkpoints beside the writer, where the database is a file.
    pub(crate) checkpoints: Option<Arc<Local>>,
    pub(crate) kind: Kind,
}

/// What the database is.
pub(crate) enum Kind {
    /// A file that one server serves from.
    Sqlite {
        /// The file.
        file: PathBuf,
    },
    /// A database that servers share.
    Postgres {
        /// Where redeemed nonces are written.
        nonces: Pool,
    },
}

impl Options {
    /// Sizes for a server of a few cores.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            readers: 8,
            writers: 4,
            group_size: 96,
            queue_length: 1_024,
        }
    }
}

/// Where a URL leads.
enum Place {
    File(PathBuf),
    Server,
}

/// Returns whether a store could be opened by the URL, as far as its text tells. Nothing is opened.
pub fn understands(url: &str) -> Result<(), Error> {
    place(url).map(drop)
}

/// Opens the connections that the URL asks for.
pub(crate) async fn open(url: &str, options: &Options) -> Result<Connections, Error> {
    match place(url)? {
        Place::File(file) => open_sqlite(url, file, options).await,
        Place::Server => open_postgres(url, options).await,
    }
}

/// Parses as the drivers do. What they say of a URL may quote a password in it, and is not kept.
fn place(url: &str) -> Result<Place, Error> {
    if url.starts_with("sqlite:") {
        let parsed = SqliteConnectOptions::from_str(url).map_err(|_| Error::UrlNotUnderstood)?;
        // A database in memory would be another one for each connection.
        if url.contains(":memory:") || url.contains("mode=memory") {
            return Err(Error::UrlNotUnderstood);
        }
        return Ok(Place::File(parsed.get_filename().to_owned()));
    }
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        PgConnectOptions::from_str(url).map_err(|_| Error::UrlNotUnderstood)?;
        return Ok(Place::Server);
    }
    Err(Error::UrlNotUnderstood)
}

async fn open_sqlite(url: &str, file: PathBuf, options: &Options) -> Result<Connections, Error> {
    create_private(&file)?;
    let mut writing = pool(url, 1);
    writing.map_sqlx_sqlite_opts(durable);
    let writes = Pool::of_file(writing).await?;
    let mut reading = pool(url, options.readers);
    reading.map_sqlx_sqlite_opts(|file| durable(file).pragma("query_only", "on"));
    let reads = Pool::of_file(reading).await?;
    Ok(Connections {
        point_reads: PointReads::of_file(&file, &reads)?,
        reads,
        writes: database::Database {
            swift: Some(Arc::new(Local::open(&file, Role::Writes)?)),
            pool: writes,
        },
        checkpoints: Some(Arc::new(Local::open(&file, Role::Writes)?)),
        kind: Kind::Sqlite { file },
    })
}

/// Creates the file for its owner alone: it holds account keys and secrets. SQLite gives its
/// companions (`-wal`, `-shm`) the same mode.
fn create_private(file: &Path) -> Result<(), Error> {
    let mut creating = OpenOptions::new();
    creating.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut creating, 0o600);
    match creating.open(file) {
        Ok(_created) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Error::FileNotAccessible {
            path: file.to_owned(),
            source: Arc::new(error),
        }),
    }
}

/// WAL lets readers go on beside the writer; FULL syncs it at each commit, so that what was
/// answered survives a power cut.
fn durable(file: SqliteConnectOptions) -> SqliteConnectOptions {
    file.journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES.to_string())
        .pragma("journal_size_limit", LARGEST_IDLE_LOG_BYTES.to_string())
}

async fn open_postgres(url: &str, options: &Options) -> Result<Connections, Error> {
    let mut writing = shared_pool(url, options.writers);
    // A change that waits for another server's row is put off, not the whole group behind it;
    // this also ends deadlocks between groups sooner than the database would. A server that is
    // frozen or cut off in the middle of a group must not keep its rows from the others.
    writing.map_sqlx_postgres_opts(|server| {
        server.options([
            ("lock_timeout", "250ms"),
            ("idle_in_transaction_session_timeout", "5s"),
        ])
    });
    let mut redeeming = shared_pool(url, 1 + SPARE_REDEEMERS);
    redeeming.map_sqlx_postgres_opts(|server| server.options([("synchronous_commit", "off")]));
    let reading = shared_pool(url, options.readers + SPARE_READERS);
    let reads = Pool::of_server(reading, options.readers).await?;
    Ok(Connections {
        point_reads: PointReads::of_pool(&reads),
        reads,
        writes: database::Database {
            swift: None,
            pool: Pool::of_server(writing, options.writers).await?,
        },
        checkpoints: None,
        kind: Kind::Postgres {
            nonces: Pool::of_server(redeeming, 1).await?,
        },
    })
}

/// What the driver itself hands out was not used just now: it is tested.
fn shared_pool(url: &str, connections: u32) -> ConnectOptions {
    let mut pool = pool(url, connections);
    // A least number would be made up for in a task, which needs a runtime to the last.
    pool.min_connections(0)
        .test_before_acquire(true)
        .statement_timeout(STATEMENT_TIMEOUT)
        .set_application_name("ca-server");
    pool
}

fn pool(url: &str, connections: u32) -> ConnectOptions {
    let mut pool = ConnectOptions::new(url);
    pool.max_connections(connections.max(1))
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .record_stmt_in_spans(false);
    pool
}

const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// For what only the driver can do.
const SPARE_READERS: u32 = 2;
/// For a sign of life.
const SPARE_REDEEMERS: u32 = 1;
