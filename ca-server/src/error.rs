//! Why the server does not start or a command does not finish, by who must act.

use std::error::Error as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use ca_issuance::{IssuanceError, IssuerError};
use ca_keys::KeyError;
use ca_pki::certificate::CertificateError;

use crate::config::ConfigError;
use crate::tls::TlsError;

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operator corrects the configuration.
    #[error("the configuration is refused")]
    Config(#[from] ConfigError),
    /// The operator looks after the database or migrates it.
    #[error("the database cannot be used")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The operator corrects key, token or secret.
    #[error("the key of issuer {issuer:?} cannot be used")]
    Key {
        /// Whose key.
        issuer: String,
        /// Why.
        #[source]
        source: KeyError,
    },
    /// The operator corrects the certificate files.
    #[error("{} cannot be used", .file.display())]
    CertificateFile {
        /// Which file.
        file: PathBuf,
        /// Why.
        #[source]
        source: CertificateError,
    },
    /// The operator corrects the issuer's files.
    #[error("the issuer cannot be used")]
    Issuer(#[from] IssuerError),
    /// The server's own certificate.
    #[error("the server cannot certify itself")]
    Tls(#[from] TlsError),
    /// Something else has the address, or it is not ours.
    #[error("cannot listen on {address} ({listener})")]
    Listen {
        /// `public`, `pki` or `ops`.
        listener: &'static str,
        /// Which address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file or folder that cannot be read or written.
    #[error("{}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The folder given to quickstart belongs to a CA with other settings.
    #[error("{0}")]
    Quickstart(String),
    /// Issuing or settling failed.
    #[error("the corridor failed")]
    Issuance(#[from] IssuanceError),
    /// The ACME service could not be put together.
    #[error("ACME cannot be served")]
    Acme(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The service that knows identities could not be put together or asked.
    #[error("identities cannot be served")]
    Identity(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The clock cannot be right: certificates would be wrong.
    #[error("the clock says {0}: set it right before issuing certificates")]
    Clock(String),
    /// The command line is wrong: the text says where.
    #[error("{0}")]
    Arguments(String),
    /// The async runtime did not start.
    #[error("the runtime does not start")]
    Runtime(#[source] std::io::Error),
    /// Logging or metrics did not start.
    #[error("logs or metrics do not start: {0}")]
    Telemetry(String),
    /// A check found something: the text says what.
    #[error("{0}")]
    Finding(String),
}

impl From<ca_identity::Error> for Error {
    fn from(error: ca_identity::Error) -> Self {
        match error {
            ca_identity::Error::Malformed(text) => Self::Arguments(text),
            ca_identity::Error::Store(error) => Self::Store(Box::new(error)),
            error @ (ca_identity::Error::Unauthenticated(_)
            | ca_identity::Error::Throttled { .. }
            | ca_identity::Error::Forbidden(_)
            | ca_identity::Error::NotGranted(_)
            | ca_identity::Error::NotFound
            | ca_identity::Error::Conflict(_)
            | ca_identity::Error::IdempotencyMismatch
            | ca_identity::Error::Unavailable { .. }
            | ca_identity::Error::Issuance(_)
            | ca_identity::Error::Entropy(_)
            | ca_identity::Error::Inconsistent(_)) => Self::Identity(Box::new(error)),
        }
    }
}

impl Error {
    /// Returns the process exit code, as `--help` documents them.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Arguments(_) => 2,
            Self::Config(_) | Self::Quickstart(_) => 3,
            Self::Store(_) => 4,
            Self::Key {
                source: KeyError::Secret(_),
                ..
            } => 8,
            Self::Key { .. }
            | Self::CertificateFile { .. }
            | Self::Issuer(_)
            | Self::Tls(_)
            | Self::Clock(_) => 5,
            Self::Listen { .. } => 6,
            Self::Finding(_) => 7,
            Self::File { .. }
            | Self::Issuance(_)
            | Self::Acme(_)
            | Self::Identity(_)
            | Self::Runtime(_)
            | Self::Telemetry(_) => 1,
        }
    }

    /// Returns the text with every cause behind it.
    pub fn in_full(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
