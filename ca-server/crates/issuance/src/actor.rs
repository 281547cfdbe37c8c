//! Who acts.

use std::fmt;

/// Who asked for a change. Written into every audit event and certificate row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// The server itself: settling, publishing, expiring.
    System,
    /// An ACME account.
    AcmeAccount {
        /// The directory's name.
        directory: String,
        /// The account's id.
        account: String,
    },
    /// The holder of a certificate's private key, who acts on that certificate.
    CertificateKey {
        /// The certificate's serial in hex.
        serial: String,
    },
    /// Somebody at the command line, by login name.
    Operator {
        /// The login name.
        name: String,
    },
}

impl fmt::Display for Actor {
    /// Writes the form kept in rows and events: `acme:default:Zx…`, `operator:anna`, `system`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::AcmeAccount { directory, account } => write!(f, "acme:{directory}:{account}"),
            Self::CertificateKey { serial } => write!(f, "certificate-key:{serial}"),
            Self::Operator { name } => write!(f, "operator:{name}"),
        }
    }
}
