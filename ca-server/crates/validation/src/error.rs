//! Why a proof failed, and what the requester is told.

use std::time::Duration;

use ca_acme::{Problem, ProblemKind};

use crate::caa::CaaRefusal;
use crate::http::RedirectRefusal;
use crate::tls_alpn::CertificateFault;

/// Why control is not proven. The text is safe to show: nothing that the other side sent is in it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// This challenge cannot prove this identifier.
    #[error("{challenge} cannot prove control of {what}")]
    Unprovable {
        challenge: &'static str,
        what: &'static str,
    },
    /// The name has no address.
    #[error("{name} has no A or AAAA record that this CA's resolver sees")]
    NoAddress { name: String },
    /// The resolver gave no usable answer.
    #[error("looking up {record} for {name} failed: {fault}")]
    Lookup {
        name: String,
        record: &'static str,
        fault: LookupFault,
    },
    /// No address of the host is in the networks that may be dialled.
    #[error(
        "{host} is at no address that this CA may dial; its operator lists such networks in \
         validation.allow_networks"
    )]
    Forbidden { host: String },
    /// No connection came about or it broke before an answer.
    #[error("{host}, port {port}: {fault}")]
    Connection {
        host: String,
        port: u16,
        fault: ConnectionFault,
    },
    /// The whole validation took too long.
    #[error("validation did not finish within {} s", .0.as_secs_f32())]
    Deadline(Duration),
    /// Too many validations were in front.
    #[error("too many validations are under way; try again with a new order")]
    Crowded,
    /// A redirect that is not followed.
    #[error("a redirect of the http-01 resource was not followed: {0}")]
    Redirect(RedirectRefusal),
    /// A status other than 200.
    #[error("{host} answered the {resource} request with status {status} in place of 200")]
    Status {
        host: String,
        resource: &'static str,
        status: u16,
    },
    /// A body other than the key authorization.
    #[error("{host} did not answer the http-01 request with the key authorization")]
    WrongBody { host: String },
    /// A body that goes on past any that is asked for.
    #[error("{host} answered the {resource} request with more than {limit} octets")]
    LongBody {
        host: String,
        resource: &'static str,
        limit: usize,
    },
    /// No TXT record.
    #[error("there is no TXT record at {name}")]
    NoText { name: String },
    /// TXT records, none the one asked for.
    #[error("none of the {count} TXT records at {name} is the digest of the key authorization")]
    WrongText { name: String, count: usize },
    /// The TLS handshake failed.
    #[error("the TLS handshake with {host}, port {port} failed: {fault}")]
    Tls {
        host: String,
        port: u16,
        fault: TlsFault,
    },
    /// The certificate is not the one that RFC 8737 asks for.
    #[error("the certificate that {host}, port {port} showed is no tls-alpn-01 proof: {fault}")]
    Certificate {
        host: String,
        port: u16,
        fault: CertificateFault,
    },
    /// CAA records forbid issuance.
    #[error("the CAA records at {domain} forbid issuance: {refusal}")]
    Caa { domain: String, refusal: CaaRefusal },
}

/// Why a lookup failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LookupFault {
    /// SERVFAIL.
    #[error("the resolver answered SERVFAIL")]
    ServerFailure,
    /// REFUSED.
    #[error("the resolver answered REFUSED")]
    Refused,
    /// Some other code, or nonsense.
    #[error("the resolver gave no usable answer")]
    Unusable,
    /// Silence.
    #[error("the resolver did not answer in time")]
    TimedOut,
    /// CNAMEs that lead nowhere.
    #[error("its CNAME records form a loop or too long a chain")]
    AliasChain,
    /// No resolver is configured.
    #[error("this CA has no DNS resolver; its operator lists some in validation.resolvers")]
    NoResolver,
}

/// Why there was no answer over TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConnectionFault {
    /// Nobody listens.
    #[error("connection refused")]
    Refused,
    /// Silence.
    #[error("no connection in time")]
    TimedOut,
    /// The network does not reach it.
    #[error("no route to it")]
    NoRoute,
    /// Reset or closed before the answer was whole.
    #[error("the connection was closed before the answer was complete")]
    Broken,
    /// Something that is not HTTP, or beyond any reasonable size.
    #[error("the answer is not HTTP/1.1 or its header is too large")]
    NotHttp,
    /// This host's own trouble.
    #[error("the connection could not be opened")]
    Other,
}

/// Why a TLS handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TlsFault {
    /// `no_application_protocol` or silence about ALPN.
    #[error("it did not negotiate the protocol acme-tls/1")]
    Protocol,
    /// Another alert.
    #[error("it sent a TLS alert")]
    Alert,
    /// The handshake signature does not fit the certificate, or that not an issuer of its name.
    #[error("it did not prove possession of its certificate's key, or its chain does not verify")]
    Possession,
    /// The certificate chains to no root that is trusted here.
    #[error("its certificate does not chain to a trusted root")]
    UnknownIssuer,
    /// The certificate does not have the name that was dialled.
    #[error("its certificate is for another name")]
    OtherName,
    /// The certificate has expired or is not valid yet.
    #[error("its certificate is out of its time")]
    OutOfTime,
    /// The certificate is none that servers show.
    #[error("its certificate is not a server's: a CA's own, for another use, or unreadable")]
    NotServers,
    /// Anything else.
    #[error("it did not complete a TLS 1.2 or 1.3 handshake")]
    Handshake,
}

impl Error {
    /// Returns whether trying again shortly may help: nothing was answered, and not for slowness.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Connection {
                fault: ConnectionFault::Refused
                    | ConnectionFault::NoRoute
                    | ConnectionFault::Broken
                    | ConnectionFault::Other,
                ..
            }
        )
    }

    /// Returns ACME's error type (RFC 8555 §6.7).
    pub(crate) fn kind(&self) -> ProblemKind {
        match self {
            Self::Unprovable { .. } => ProblemKind::UnsupportedIdentifier,
            Self::NoAddress { .. } | Self::Lookup { .. } | Self::NoText { .. } => ProblemKind::Dns,
            Self::Forbidden { .. } | Self::Connection { .. } | Self::Deadline(_) => {
                ProblemKind::Connection
            }
            Self::Crowded => ProblemKind::RateLimited,
            Self::Redirect(_) => ProblemKind::Connection,
            Self::Status { .. }
            | Self::WrongBody { .. }
            | Self::LongBody { .. }
            | Self::WrongText { .. }
            | Self::Certificate { .. } => ProblemKind::Unauthorized,
            Self::Tls { .. } => ProblemKind::Tls,
            Self::Caa { .. } => ProblemKind::Caa,
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::new(error.kind(), error.to_string())
    }
}
