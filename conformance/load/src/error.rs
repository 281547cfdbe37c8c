//! What ends a run, or one operation of it.

use std::time::Duration;

/// Why something did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file or socket.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// HTTP itself.
    #[error("http: {0}")]
    Http(String),
    /// An answer that is not what its status says.
    #[error("body: {0}")]
    Body(String),
    /// TLS settings or roots.
    #[error("tls: {0}")]
    Tls(String),
    /// A key or CSR.
    #[error("key: {0}")]
    Key(String),
    /// The server answered with something else than it should.
    #[error("{step}: {status} {problem}")]
    Refused {
        /// Which request.
        step: &'static str,
        /// The HTTP status.
        status: u16,
        /// The problem's type, or the body's beginning.
        problem: String,
        /// When to ask again, if the server said so.
        retry_after: Option<Duration>,
    },
    /// What was begun is not decided yet, after many polls.
    #[error("{step}: still {state} after the last poll")]
    Undecided {
        /// Which request began it.
        step: &'static str,
        /// Where it stands.
        state: String,
    },
    /// The server's answer lacks something.
    #[error("{step}: no {what} in the answer")]
    Lacking {
        /// Which request.
        step: &'static str,
        /// What is missing.
        what: &'static str,
    },
    /// The arguments contradict each other.
    #[error("{0}")]
    Usage(String),
}

impl Error {
    /// Returns what errors are counted by: short, without what differs from one to the next.
    pub(crate) fn kind(&self) -> String {
        match self {
            Self::Io(error) => format!("io: {}", error.kind()),
            Self::Http(text) => format!("http: {text}"),
            Self::Body(text) => format!("body: {text}"),
            Self::Tls(_) => "tls".to_owned(),
            Self::Key(_) => "key".to_owned(),
            Self::Refused {
                step,
                status,
                problem,
                retry_after: _,
            } => format!("{step}: {status} {problem}"),
            Self::Undecided { step, state } => format!("{step}: still {state}"),
            Self::Lacking { step, what } => format!("{step}: no {what}"),
            Self::Usage(text) => text.clone(),
        }
    }

    /// Returns whether no answer came: nobody listened, or the connection broke.
    pub(crate) fn is_transport(&self) -> bool {
        match self {
            Self::Io(_) | Self::Http(_) => true,
            Self::Body(_)
            | Self::Tls(_)
            | Self::Key(_)
            | Self::Refused { .. }
            | Self::Undecided { .. }
            | Self::Lacking { .. }
            | Self::Usage(_) => false,
        }
    }
}
