//! SQLite's errors as the pool's driver would report them, so that one place reads both.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use rusqlite::ffi;
use sea_orm::{DbErr, RuntimeErr};
use sqlx::error::{DatabaseError, ErrorKind};

/// What SQLite said, by its extended result code.
#[derive(Debug)]
struct Fault {
    code: i32,
    message: String,
}

/// Turns an error of a statement into that of the pool's driver.
pub(super) fn db_err(error: rusqlite::Error) -> DbErr {
    let rusqlite::Error::SqliteFailure(code, message) = error else {
        return DbErr::Exec(RuntimeErr::Internal(error.to_string()));
    };
    let fault = Fault {
        code: code.extended_code,
        message: message.unwrap_or_else(|| code.to_string()),
    };
    let error = sqlx::Error::Database(Box::new(fault));
    DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error)))
}

/// Says that the connection is closed.
pub(super) fn closed() -> DbErr {
    DbErr::Conn(RuntimeErr::Internal("the connection is closed".to_owned()))
}

/// Says that SQLite gave the transaction up by itself, as it does when a disk is full.
pub(super) fn given_up() -> DbErr {
    let text = "the transaction was rolled back by the database";
    DbErr::Exec(RuntimeErr::Internal(text.to_owned()))
}

/// Says that a statement is none of those that run on the calling thread.
pub(crate) fn not_here() -> DbErr {
    DbErr::Custom("this statement is for the pool".to_owned())
}

/// Tells whether another connection was in the way.
pub(crate) fn is_busy(error: &DbErr) -> bool {
    let DbErr::Exec(RuntimeErr::SqlxError(cause)) = error else {
        return false;
    };
    let sqlx::Error::Database(database) = &**cause else {
        return false;
    };
    let primary = |code: &i32| matches!(code & 0xff, ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED);
    database
        .try_downcast_ref::<Fault>()
        .map(|fault| fault.code)
        .as_ref()
        .is_some_and(primary)
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "(code: {}) {}", self.code, self.message)
    }
}

impl StdError for Fault {}

impl DatabaseError for Fault {
    fn message(&self) -> &str {
        &self.message
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(self.code.to_string().into())
    }

    fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn StdError + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn StdError + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        match self.code {
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
                ErrorKind::UniqueViolation
            }
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => ErrorKind::ForeignKeyViolation,
            ffi::SQLITE_CONSTRAINT_NOTNULL => ErrorKind::NotNullViolation,
            ffi::SQLITE_CONSTRAINT_CHECK => ErrorKind::CheckViolation,
            _ => ErrorKind::Other,
        }
    }
}
