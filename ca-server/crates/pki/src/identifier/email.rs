//! Mailboxes: the plain form `local@domain` of RFC 5321 §4.1.2, without quoting or literals.

use super::DnsName;

/// Returns the mailbox with its domain in lower case; `None` if it is not one.
pub(super) fn parse(text: &str) -> Option<String> {
    let (local, domain) = text.split_once('@')?;
    if text.len() > 254 || local.len() > 64 || !local.split('.').all(is_atom) {
        return None;
    }
    let domain: DnsName = domain.parse().ok()?;
    if domain.is_wildcard() {
        return None;
    }
    Some(format!("{local}@{domain}"))
}

fn is_atom(text: &str) -> bool {
    let is_allowed =
        |octet: u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&octet);
    !text.is_empty() && text.bytes().all(is_allowed)
}
