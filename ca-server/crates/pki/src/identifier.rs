//! What a certificate is for: names, addresses, URIs, mailboxes.

mod dns;
mod email;
mod uri;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

pub(crate) use uri::host as uri_host;

/// One subject of a certificate, as ACME (RFC 8555 §9.7.7, RFC 8738) and SANs know it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identifier {
    /// A DNS name, possibly a wildcard.
    Dns(DnsName),
    /// An IPv4 or IPv6 address; IPv4-mapped IPv6 addresses do not parse.
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
        match kind {
            "dns" => value.parse().map(Self::Dns),
            "ip" => parse_address(value).map(Self::Ip),
            "uri" => uri::parse(value)
                .map(Self::Uri)
                .ok_or_else(|| IdentifierError::NotAUri(shortened(value))),
            "email" => email::parse(value)
                .map(Self::Email)
                .ok_or_else(|| IdentifierError::NotAMailbox(shortened(value))),
            _ => Err(IdentifierError::UnknownType(shortened(kind))),
        }
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

    /// Folds case, then checks; nothing else is repaired.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.to_ascii_lowercase();
        match dns::check(&name) {
            Ok(()) => Ok(Self(name)),
            Err(reason) => Err(IdentifierError::NotADnsName {
                value: shortened(text),
                reason,
            }),
        }
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Parses the one text form that an address has (RFC 8738 §3, RFC 5952), so that equal addresses
/// are equal text; `::ffff:` forms would let one IPv4 address hide behind two identifiers.
fn parse_address(text: &str) -> Result<IpAddr, IdentifierError> {
    let address: IpAddr = text.parse().map_err(|_| not_an_address(text))?;
    let is_mapped = match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(six) => six.to_ipv4_mapped().is_some(),
    };
    if is_mapped || address.to_string() != text {
        return Err(not_an_address(text));
    }
    Ok(address)
}

fn not_an_address(text: &str) -> IdentifierError {
    IdentifierError::NotAnAddress(shortened(text))
}

/// Cuts what goes back to the requester.
fn shortened(text: &str) -> String {
    text.chars().take(255).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> &'static str {
        match DnsName::from_str(text) {
            Err(IdentifierError::NotADnsName { reason, .. }) => reason,
            other => panic!("{text:?} gave {other:?}"),
        }
    }

    #[test]
    fn accepts_host_names_and_wildcards() {
        let long = format!(
            "{}.{}.{}.{}",
            "a".repeat(63),
            "b".repeat(63),
            "c".repeat(63),
            "d".repeat(61)
        );
        for name in [
            "example.internal",
            "localhost",
            "ca",
            "a-b.c",
            "3com.example",
            "1.2.3.4.example",
            "*.internal",
            "*.a.example",
            "xn--mnchen-3ya.example",
            long.as_str(),
        ] {
            assert_eq!(
                DnsName::from_str(name).as_ref().map(DnsName::as_str),
                Ok(name)
            );
        }
    }

    #[test]
    fn folds_case() {
        assert_eq!(
            DnsName::from_str("WWW.Example.Internal"),
            DnsName::from_str("www.example.internal")
        );
    }

    #[test]
    fn refuses_what_is_not_a_host_name() {
        let too_long = format!("{0}.{0}.{0}.{0}", "a".repeat(63));
        let long_label = "a".repeat(64);
        for name in [
            "",
            ".",
            "*",
            "*.",
            "*.*.example",
            "a.*.example",
            "*a.example",
            "**.example",
            "example.",
            ".example",
            "a..b",
            "-a.example",
            "a-.example",
            "a_b.example",
            "a b.example",
            "a\u{0}.example",
            "m\u{fc}nchen.example",
            "xn--a.example",
            "xn--.example",
            "ab--c.example",
            "a/b",
            "a:443",
            "a@b",
            too_long.as_str(),
            long_label.as_str(),
        ] {
            assert!(DnsName::from_str(name).is_err(), "{name:?} was accepted");
        }
    }

    #[test]
    fn tells_the_requester_of_an_address_to_use_type_ip() {
        for text in [
            "10.0.0.1",
            "127.1",
            "1",
            "0x7f.1",
            "a.0x7f000001",
            "::1",
            "[::1]",
        ] {
            assert!(
                reason(text).contains("type ip"),
                "{text:?}: {}",
                reason(text)
            );
        }
    }

    #[test]
    fn accepts_addresses_in_canonical_form_only() {
        for text in ["10.0.0.1", "::1", "2001:db8::1", "fe80::1"] {
            let parsed = Identifier::parse("ip", text);
            assert_eq!(parsed.as_ref().map(Identifier::value).as_deref(), Ok(text));
        }
        for text in [
            "",
            "10.0.0.01",
            "010.0.0.1",
            "10.1",
            "10.0.0.1/8",
            "0:0:0:0:0:0:0:1",
            "2001:DB8::1",
            "[::1]",
            "fe80::1%eth0",
            "::ffff:10.0.0.1",
            "::ffff:a00:1",
            " 10.0.0.1",
            "example",
        ] {
            assert!(
                Identifier::parse("ip", text).is_err(),
                "{text:?} was accepted"
            );
        }
    }

    #[test]
    fn accepts_absolute_uris_and_spiffe_ids() {
        for text in [
            "spiffe://example.internal/ci/42/job",
            "spiffe://example.internal",
            "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "https://example.internal/a%20b?c=d",
        ] {
            let parsed = Identifier::parse("uri", text);
            assert_eq!(parsed.as_ref().map(Identifier::value).as_deref(), Ok(text));
        }
    }

    #[test]
    fn refuses_uris_that_are_relative_odd_or_not_spiffe_ids() {
        let long = format!("urn:{}", "a".repeat(2048));
        for text in [
            "",
            "example",
            "/a/b",
            "https:",
            "1a:b",
            "https:///a",
            "https://a b",
            "urn:a%2",
            "urn:a%zz",
            "urn:m\u{fc}",
            "urn:a\"b",
            "urn:a\n",
            "spiffe:example",
            "spiffe://",
            "spiffe:///a",
            "spiffe://Example/a",
            "spiffe://a/",
            "spiffe://a//b",
            "spiffe://a/./b",
            "spiffe://a/../b",
            "spiffe://a:1/b",
            "spiffe://u@a/b",
            "spiffe://a/b?c",
            "spiffe://a/b#c",
            "spiffe://a/b%20c",
            "spiffe://a?b",
            long.as_str(),
        ] {
            assert!(
                Identifier::parse("uri", text).is_err(),
                "{text:?} was accepted"
            );
        }
    }

    #[test]
    fn accepts_plain_mailboxes_and_folds_the_domain() {
        assert_eq!(
            Identifier::parse("email", "Ann.Lee+ci@Example.Internal")
                .map(|it| it.value())
                .as_deref(),
            Ok("Ann.Lee+ci@example.internal")
        );
        let long = format!("{}@example", "a".repeat(65));
        for text in [
            "",
            "a",
            "@b",
            "a@",
            "a@b@c",
            "a b@c",
            "\"a\"@b",
            ".a@b",
            "a.@b",
            "a..b@c",
            "a@*.b",
            "a@[10.0.0.1]",
            "a@10.0.0.1",
            long.as_str(),
        ] {
            assert!(
                Identifier::parse("email", text).is_err(),
                "{text:?} was accepted"
            );
        }
    }

    #[test]
    fn refuses_other_types() {
        assert_eq!(
            Identifier::parse("permanent-identifier", "a"),
            Err(IdentifierError::UnknownType(
                "permanent-identifier".to_owned()
            ))
        );
    }
}
