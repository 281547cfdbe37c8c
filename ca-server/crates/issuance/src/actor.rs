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
    /// Somebody who has shown who they are.
    Identity {
        /// The principal's name: `oidc:gitlab:SUB`, `client:ID`, `certificate:ISSUER:SERIAL`.
        name: String,
        /// Through what it acts where it acts indirectly: `acme:default:ACCOUNT`.
        via: Option<String>,
    },
}

impl Actor {
    /// Returns who asked, whatever it acted through: what lists of certificates are searched by.
    pub fn requester(&self) -> String {
        match self {
            Self::Identity { name, .. } => name.clone(),
            Self::System
            | Self::AcmeAccount { .. }
            | Self::CertificateKey { .. }
            | Self::Operator { .. } => self.to_string(),
        }
    }
}

impl fmt::Display for Actor {
    /// Writes the form kept in rows and events: `acme:default:Zx…`, `operator:anna`, `system`,
    /// `oidc:gitlab:SUB via acme:default:Zx…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::AcmeAccount { directory, account } => write!(f, "acme:{directory}:{account}"),
            Self::CertificateKey { serial } => write!(f, "certificate-key:{serial}"),
            Self::Operator { name } => write!(f, "operator:{name}"),
            Self::Identity { name, via: None } => f.write_str(name),
            Self::Identity {
                name,
                via: Some(via),
            } => write!(f, "{name} via {via}"),
        }
    }
}
