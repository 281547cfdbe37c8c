//! Name constraints (RFC 5280 §4.2.1.10): written, read and obeyed.

mod encoding;

use std::net::IpAddr;

use crate::identifier::uri_host;
use crate::{DnsName, Identifier};

/// nameConstraints (RFC 5280 §4.2.1.10), always encoded critical.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameConstraints {
    /// Within which names must lie; an empty list of a type permits all of that type.
    pub permitted: Subtrees,
    /// Within which names must not lie.
    pub excluded: Subtrees,
}

/// Subtrees by type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subtrees {
    /// DNS suffixes, `example.internal` covers itself and everything below.
    pub dns: Vec<String>,
    /// Networks: address and prefix length in bits.
    pub ip: Vec<(IpAddr, u8)>,
    /// Mail hosts or domains.
    pub email: Vec<String>,
    /// URI hosts.
    pub uri: Vec<String>,
}

impl NameConstraints {
    /// Returns whether a certificate with `identifier` may be issued below these constraints.
    pub fn allow(&self, identifier: &Identifier) -> bool {
        let is_permitted = match identifier {
            Identifier::Dns(name) => any_or_empty(&self.permitted.dns, |tree| covers(tree, name)),
            Identifier::Ip(address) => {
                any_or_empty(&self.permitted.ip, |network| contains(network, *address))
            }
            Identifier::Email(mailbox) => {
                any_or_empty(&self.permitted.email, |tree| covers_mailbox(tree, mailbox))
            }
            Identifier::Uri(uri) => any_or_empty(&self.permitted.uri, |tree| {
                covers_uri(tree, uri) == Some(true)
            }),
        };
        is_permitted && !self.exclude(identifier)
    }

    /// Returns whether an excluded subtree touches `identifier`; in doubt it does.
    fn exclude(&self, identifier: &Identifier) -> bool {
        let excluded = &self.excluded;
        match identifier {
            Identifier::Dns(name) => excluded.dns.iter().any(|tree| touches(tree, name)),
            Identifier::Ip(address) => {
                let plain = address.to_canonical();
                let mut networks = excluded.ip.iter();
                networks.any(|network| contains(network, *address) || contains(network, plain))
            }
            Identifier::Email(mailbox) => excluded
                .email
                .iter()
                .any(|tree| covers_mailbox(tree, mailbox)),
            Identifier::Uri(uri) => excluded
                .uri
                .iter()
                .any(|tree| covers_uri(tree, uri) != Some(false)),
        }
    }
}

fn any_or_empty<T>(trees: &[T], covers: impl FnMut(&T) -> bool) -> bool {
    trees.is_empty() || trees.iter().any(covers)
}

/// Returns whether every host that `name` stands for lies in `tree`.
fn covers(tree: &str, name: &DnsName) -> bool {
    let tree = tree.to_ascii_lowercase();
    match tree.strip_prefix('.') {
        Some(parent) if name.is_wildcard() => is_at_or_below(parent, name.base()),
        Some(parent) => is_below(parent, name.base()),
        None => is_at_or_below(&tree, name.base()),
    }
}

/// Returns whether any host that `name` stands for lies in `tree`: a wildcard also stands for the
/// hosts one label below its base.
fn touches(tree: &str, name: &DnsName) -> bool {
    let is_one_label_below = |tree: &str| {
        tree.split_once('.')
            .is_some_and(|(_, parent)| parent.eq_ignore_ascii_case(name.base()))
    };
    covers(tree, name) || name.is_wildcard() && !tree.starts_with('.') && is_one_label_below(tree)
}

fn is_at_or_below(tree: &str, host: &str) -> bool {
    tree == host || is_below(tree, host)
}

fn is_below(tree: &str, host: &str) -> bool {
    tree.is_empty()
        || host
            .strip_suffix(tree)
            .is_some_and(|rest| rest.ends_with('.'))
}

fn contains(network: &(IpAddr, u8), address: IpAddr) -> bool {
    let (base, length) = network;
    match (base, address) {
        (IpAddr::V4(base), IpAddr::V4(address)) => {
            prefix(u128::from(base.to_bits()), 32, *length)
                == prefix(u128::from(address.to_bits()), 32, *length)
        }
        (IpAddr::V6(base), IpAddr::V6(address)) => {
            prefix(base.to_bits(), 128, *length) == prefix(address.to_bits(), 128, *length)
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

/// Returns the leading `length` bits of an address of `width` bits.
fn prefix(bits: u128, width: u8, length: u8) -> u128 {
    bits.checked_shr(u32::from(width.saturating_sub(length)))
        .unwrap_or_default()
}

/// A mailbox, a host, or with a leading dot every host below a domain.
fn covers_mailbox(tree: &str, mailbox: &str) -> bool {
    let host = mailbox.rsplit_once('@').map_or(mailbox, |(_, host)| host);
    if tree.contains('@') {
        tree == mailbox
    } else {
        covers_host(tree, host)
    }
}

/// Returns `None` where the URI names no host by a DNS name: it then lies in no permitted subtree
/// and cannot be shown to lie outside an excluded one.
fn covers_uri(tree: &str, uri: &str) -> Option<bool> {
    let host: DnsName = uri_host(uri)?.parse().ok()?;
    Some(covers_host(tree, host.as_str()))
}

fn covers_host(tree: &str, host: &str) -> bool {
    let tree = tree.to_ascii_lowercase();
    match tree.strip_prefix('.') {
        Some(parent) => is_below(parent, host),
        None => tree == host || tree.is_empty(),
    }
}

#[cfg(test)]
mod tests;
