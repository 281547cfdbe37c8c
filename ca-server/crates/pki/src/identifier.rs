//! What a certificate is for: names, addresses, URIs, mailboxes.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// One subject of a certificate, as ACME (RFC 8555 §9.7.7, RFC 8738) and SANs know it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identifier {
    /// A DNS name, possibly a wildcard.
    Dns(DnsName),
    /// An IPv4 or IPv6 address; IPv4-mapped IPv6 addresses are kept as given.
    Ip(IpAddr),
    /// An absolute URI, for example a SPIFFE id.
    Uri(String),
    /// A mailbox, `local@domain`, domain in lower case.
    Email(String),
}

/// A DNS name in lower case A-labels, without a trailing dot; `*.` may stand in front.
///
/// Never an IP address, never a single empty label; labels of 1 to 63 octets of letters, digits,
/// hyphen; 253 octets in all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DnsName(String);

/// Why text is not an identifier of the type asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// The type is none of `dns`, `ip`, `uri`, `email`.
    #[error("identifier type {0:?} is not one of dns, ip, uri, email")]
    UnknownType(String),
    /// Not a DNS name that a certificate may hold.
    #[error("{value:?} is not a DNS name: {reason}")]
    NotADnsName {
        /// The text, cut to 255 characters.
        value: String,
        /// What is wrong, for the requester.
        reason: &'static str,
    },
    /// Not an IP address in its canonical text form (RFC 8738 §3).
    #[error("{0:?} is not an IP address in canonical form")]
    NotAnAddress(String),
    /// Not an absolute URI.
    #[error("{0:?} is not an absolute URI")]
    NotAUri(String),
    /// Not a mailbox.
    #[error("{0:?} is not a mailbox")]
    NotAMailbox(String),
}

impl Identifier {
    /// Parses a value of the given ACME identifier type (`dns`, `ip`, `uri`, `email`).
    pub fn parse(kind: &str, value: &str) -> Result<Self, IdentifierError> {
        let _ = (kind, value);
        todo!()
    }

    /// Returns the ACME identifier type.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Dns(_) => "dns",
            Self::Ip(_) => "ip",
            Self::Uri(_) => "uri",
            Self::Email(_) => "email",
        }
    }

    /// Returns the value in its canonical text form, without the type.
    pub fn value(&self) -> String {
        match self {
            Self::Dns(name) => name.as_str().to_owned(),
            Self::Ip(address) => address.to_string(),
            Self::Uri(text) | Self::Email(text) => text.clone(),
        }
    }
}

impl fmt::Display for Identifier {
    /// Writes `type:value`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind(), self.value())
    }
}

impl DnsName {
    /// Returns the name, `*.` included.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether the first label is `*`.
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }

    /// Returns the name without a leading `*.`: what is looked up and validated.
    pub fn base(&self) -> &str {
        self.0.strip_prefix("*.").unwrap_or(&self.0)
    }
}

impl FromStr for DnsName {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let _ = text;
        todo!()
    }
}
