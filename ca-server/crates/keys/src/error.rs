//! What can go wrong with a key, by who must act.

use std::path::Path;
use std::time::Duration;

/// Why a key cannot be opened, made or used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The key URI is wrong: the operator corrects the configuration.
    #[error("the key URI is not usable: {0}")]
    Uri(String),
    /// PIN or passphrase missing or refused: the operator corrects the secret.
    #[error("the secret is not usable: {0}")]
    Secret(String),
    /// No such key, more than one, or not fit for signing: the operator corrects the token or file.
    #[error("the key is not usable: {0}")]
    Key(String),
    /// The queue is full or the breaker is open: the caller asks again later.
    #[error("the signer is busy or recovering")]
    Unavailable {
        /// How long to wait before asking again.
        retry_after: Duration,
    },
    /// The deadline passed before a signature came back.
    #[error("the signer did not answer in time")]
    DeadlineExceeded,
    /// The token or file answered with an error: the operator reads the log.
    #[error("the token or key file failed: {0}")]
    Device(String),
}

impl KeyError {
    /// Returns whether the key may be there later: one that is in its place and wrong stays wrong.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Secret(_)
            | Self::Device(_)
            | Self::DeadlineExceeded
            | Self::Unavailable { .. } => true,
            Self::Uri(_) | Self::Key(_) => false,
        }
    }

    /// Says which file it is about.
    pub(crate) fn at(self, path: &Path) -> Self {
        let place = |text: String| format!("{}: {text}", path.display());
        match self {
            Self::Uri(text) => Self::Uri(place(text)),
            Self::Secret(text) => Self::Secret(place(text)),
            Self::Key(text) => Self::Key(place(text)),
            Self::Device(text) => Self::Device(place(text)),
            Self::Unavailable { retry_after } => Self::Unavailable { retry_after },
            Self::DeadlineExceeded => Self::DeadlineExceeded,
        }
    }
}
