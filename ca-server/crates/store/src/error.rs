//! Why the store could not do its part.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ca_acme::StoreError;
use ca_issuance::LedgerError;
use sea_orm::{DbErr, RuntimeErr};

/// What lies beneath an error; shared because one failed commit answers many callers.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Why the store could not do its part. Nothing was changed, unless the variant says otherwise.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The operator corrects the configuration.
    #[error("the database URL must name a file after sqlite://, or a server after postgres://")]
    UrlNotUnderstood,
    /// The operator runs `ca-server migrate`.
    #[error("the database lacks these migrations, run `ca-server migrate`: {}", .pending.join(", "))]
    NotMigrated {
        /// Their names, in order.
        pending: Vec<String>,
    },
    /// The operator runs the newer release.
    #[error("the database is of a newer release, it has these migrations: {}", .unknown.join(", "))]
    NewerSchema {
        /// The names that this release does not know.
        unknown: Vec<String>,
    },
    /// The operator stops the other server.
    #[error("another server serves from this database file; only PostgreSQL can be shared")]
    AlreadyServed,
    /// The operator makes the file accessible.
    #[error("cannot open {}", .path.display())]
    FileNotAccessible {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// The caller reads again and decides anew: the state moved in between.
    #[error("the record has moved on")]
    Conflict,
    /// The requester asks for another grant: all uses of this one are taken.
    #[error("the grant has no uses left")]
    GrantUsedUp,
    /// The requester asks for another grant: this one was removed or has ended.
    #[error("the grant was withdrawn")]
    GrantWithdrawn,
    /// The caller looks at what the idempotency key was taken for.
    #[error("the idempotency key is taken")]
    Duplicate,
    /// The writer runs the change again: a row that it found absent has come into being.
    #[error("another transaction was first")]
    Raced(#[source] Cause),
    /// The writer runs the change again: another transaction held what it needed.
    #[error("another transaction was in the way")]
    Contended(#[source] Cause),
    /// The caller asks again later: too many changes are waiting.
    #[error("too many changes are waiting")]
    QueueFull,
    /// The caller asks another server: this one is stopping.
    #[error("the store is closed")]
    Closed,
    /// The caller asks again later. Whether the change was made is not known.
    #[error("the database did not answer in time")]
    DeadlinePassed,
    /// The caller asks again later; the operator looks at the database. After a failed commit
    /// whether the change was made is not known.
    #[error("the database is not available")]
    Unavailable(#[source] Cause),
    /// The operator looks at the audit key; events wait unsealed until it signs.
    #[error("the audit log cannot be sealed")]
    NotSealed(#[source] Cause),
    /// The operator looks at the receiver; its events are sent again.
    #[error("the audit log cannot be handed on")]
    NotExported(#[source] Cause),
    /// The caller asks again later; the operator reports the defect, which standard error shows.
    /// After a failed commit whether the change was made is not known.
    #[error("the store's own code panicked")]
    Panicked,
    /// The operator looks into it.
    #[error("the store holds a row that does not read back: {0}")]
    Corrupt(String),
}

impl Error {
    /// Returns whether the writer should run the change again.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Raced(_) | Self::Contended(_))
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        let Some(code) = database_code(&error) else {
            return without_code(error);
        };
        match code.as_str() {
            UNIQUE_SQLITE | PRIMARY_KEY_SQLITE | UNIQUE_POSTGRES => Self::Raced(Arc::new(error)),
            FOREIGN_KEY_SQLITE | FOREIGN_KEY_POSTGRES => Self::Conflict,
            BUSY | BUSY_RECOVERY | BUSY_SNAPSHOT | LOCKED | SERIALIZATION | DEADLOCK
            | LOCK_TIMEOUT => Self::Contended(Arc::new(error)),
            _ => Self::Unavailable(Arc::new(error)),
        }
    }
}

fn database_code(error: &DbErr) -> Option<String> {
    let sqlx::Error::Database(database) = driver_error(error)? else {
        return None;
    };
    database.code().map(|code| code.into_owned())
}

fn driver_error(error: &DbErr) -> Option<&sqlx::Error> {
    let (DbErr::Conn(RuntimeErr::SqlxError(cause))
    | DbErr::Exec(RuntimeErr::SqlxError(cause))
    | DbErr::Query(RuntimeErr::SqlxError(cause))) = error
    else {
        return None;
    };
    Some(cause)
}

/// A column that does not read back, else the connection, the pool or the disk.
fn without_code(error: DbErr) -> Error {
    let unreadable = matches!(
        error,
        DbErr::Type(_) | DbErr::Json(_) | DbErr::TryIntoErr { .. }
    ) || matches!(
        driver_error(&error),
        Some(sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_))
    );
    match unreadable {
        true => Error::Corrupt(error.to_string()),
        false => Error::Unavailable(Arc::new(error)),
    }
}

impl From<Error> for LedgerError {
    fn from(error: Error) -> Self {
        match classify(error) {
            Class::Conflict => Self::Conflict,
            Class::GrantUsedUp => Self::GrantUsedUp,
            Class::GrantWithdrawn => Self::GrantWithdrawn,
            Class::Duplicate => Self::Duplicate,
            Class::Corrupt(text) => Self::Corrupt(text),
            Class::Unavailable(source) => Self::Unavailable {
                retry_after: RETRY_AFTER,
                source,
            },
        }
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match classify(error) {
            // Only intents have grants and keys, and they go through the other port.
            Class::Conflict | Class::GrantUsedUp | Class::GrantWithdrawn | Class::Duplicate => {
                Self::Conflict
            }
            Class::Corrupt(text) => Self::Corrupt(text),
            Class::Unavailable(source) => Self::Unavailable {
                retry_after: RETRY_AFTER,
                source,
            },
        }
    }
}

/// What the two ports distinguish.
enum Class {
    Conflict,
    GrantUsedUp,
    GrantWithdrawn,
    Duplicate,
    Corrupt(String),
    Unavailable(Box<dyn std::error::Error + Send + Sync>),
}

fn classify(error: Error) -> Class {
    match error {
        Error::Conflict | Error::Raced(_) => Class::Conflict,
        Error::GrantUsedUp => Class::GrantUsedUp,
        Error::GrantWithdrawn => Class::GrantWithdrawn,
        Error::Duplicate => Class::Duplicate,
        Error::Corrupt(text) => Class::Corrupt(text),
        Error::UrlNotUnderstood
        | Error::NotMigrated { .. }
        | Error::NewerSchema { .. }
        | Error::AlreadyServed
        | Error::FileNotAccessible { .. }
        | Error::Contended(_)
        | Error::QueueFull
        | Error::Closed
        | Error::DeadlinePassed
        | Error::Panicked
        | Error::NotSealed(_)
        | Error::NotExported(_)
        | Error::Unavailable(_) => Class::Unavailable(Box::new(error)),
    }
}

const RETRY_AFTER: Duration = Duration::from_secs(1);

// SQLite's extended result codes.
const BUSY: &str = "5";
const LOCKED: &str = "6";
const BUSY_RECOVERY: &str = "261";
const BUSY_SNAPSHOT: &str = "517";
const FOREIGN_KEY_SQLITE: &str = "787";
const PRIMARY_KEY_SQLITE: &str = "1555";
const UNIQUE_SQLITE: &str = "2067";

// PostgreSQL's SQLSTATEs.
const FOREIGN_KEY_POSTGRES: &str = "23503";
const UNIQUE_POSTGRES: &str = "23505";
const SERIALIZATION: &str = "40001";
const DEADLOCK: &str = "40P01";
const LOCK_TIMEOUT: &str = "55P03";
