//! A call of a method, prepared so that it can be made again.

use std::fmt;
use std::time::Duration;

use ca_acme::StoreError;
use ca_issuance::LedgerError;
use ca_issuance::audit::{Event, EventKind};
use futures_util::future::BoxFuture;

use crate::bench::{self, Bench};

/// A method, and how to come to where it can be called.
#[derive(Clone)]
pub(super) struct Act {
    pub(super) method: &'static str,
    pub(super) prepare: for<'a> fn(&'a Bench, &'a str) -> BoxFuture<'a, Prepared>,
}

/// A call of a method with its arguments.
pub(super) struct Prepared(pub(super) Box<dyn Fn() -> BoxFuture<'static, Outcome> + Send + Sync>);

/// What came of a call.
pub(super) type Outcome = Result<(), Failure>;

/// Why a call failed, as far as its caller tells apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Asking again may help.
    Unavailable,
    /// The state moved.
    Conflict,
    /// Neither.
    Other(String),
}

impl Act {
    /// Tells whether it is made of several transactions on purpose, each of which is whole: what
    /// ended goes piece by piece, and a nonce is saved with any change that comes.
    pub(super) fn is_piecewise(&self) -> bool {
        ["prune", "redeem_nonce"].contains(&self.method)
    }
}

impl fmt::Debug for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.method)
    }
}

impl Prepared {
    /// Makes the call. It must not hang.
    pub(super) async fn perform(&self) -> Outcome {
        let performed = tokio::time::timeout(DEADLINE, (self.0)()).await;
        performed.unwrap_or_else(|_| Err(Failure::Other("it hangs".to_owned())))
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Unavailable { .. } => Self::Unavailable,
            LedgerError::Conflict | LedgerError::Duplicate => Self::Conflict,
            LedgerError::GrantUsedUp | LedgerError::GrantWithdrawn | LedgerError::Corrupt(_) => {
                Self::Other(error.to_string())
            }
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } => Self::Unavailable,
            StoreError::Conflict => Self::Conflict,
            StoreError::Corrupt(text) => Self::Other(text),
        }
    }
}

impl From<ca_store::Error> for Failure {
    fn from(error: ca_store::Error) -> Self {
        LedgerError::from(error).into()
    }
}

/// Makes a call that can be made again out of an expression and the values that it needs.
macro_rules! call {
    ($($kept:ident),+ => $call:expr) => {
        $crate::method::act::Prepared(Box::new(move || {
            $(let $kept = $kept.clone();)+
            Box::pin(async move {
                let outcome = $call.await;
                outcome.map(drop).map_err($crate::method::act::Failure::from)
            })
        }))
    };
}
pub(super) use call;

/// Makes acts out of methods' names and the functions that prepare them.
macro_rules! acts {
    ($($method:literal => $prepare:expr),+ $(,)?) => {
        vec![$(
            $crate::method::act::Act {
                method: $method,
                prepare: |bench, id| Box::pin($prepare(bench, id)),
            }
        ),+]
    };
}
pub(super) use acts;

/// Something that happened.
pub(super) fn happened(kind: EventKind) -> Event {
    bench::event(kind, "somebody")
}

/// More than any answer may take.
const DEADLINE: Duration = Duration::from_secs(30);
