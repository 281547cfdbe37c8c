//! URIs as subject names: absolute (RFC 3986 §4.3), and SPIFFE ids by their own, stricter rules.

/// Returns the URI with its scheme in lower case; `None` if it is not absolute.
pub(super) fn parse(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once(':')?;
    let scheme = scheme.to_ascii_lowercase();
    if text.len() > MAX_BYTES || !is_scheme(&scheme) || rest.is_empty() || !is_uri_text(rest) {
        return None;
    }
    if scheme == "spiffe" && !is_spiffe_id(rest) {
        return None;
    }
    // An authority must name a host (RFC 5280 §4.2.1.6).
    if rest
        .strip_prefix("//")
        .is_some_and(|rest| authority(rest).is_empty())
    {
        return None;
    }
    Some(format!("{scheme}:{rest}"))
}

/// Returns the host of an absolute URI, without user and port; `None` if it names none.
pub(crate) fn host(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    let authority = authority(rest);
    let host_and_port = authority
        .rsplit_once('@')
        .map_or(authority, |(_, after)| after);
    if host_and_port.starts_with('[') {
        return host_and_port.split_inclusive(']').next();
    }
    host_and_port
        .split(':')
        .next()
        .filter(|host| !host.is_empty())
}

fn authority(after_slashes: &str) -> &str {
    after_slashes
        .split(['/', '?', '#'])
        .next()
        .unwrap_or_default()
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || b"+-.".contains(&octet))
}

fn is_uri_text(text: &str) -> bool {
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        let is_good = match octet {
            b'%' => {
                let is_hex = |it: Option<u8>| it.is_some_and(|digit| digit.is_ascii_hexdigit());
                is_hex(octets.next()) && is_hex(octets.next())
            }
            _ => octet.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(&octet),
        };
        if !is_good {
            return false;
        }
    }
    true
}

/// Checks what follows `spiffe:` (SPIFFE-ID §2): no user, port, query or fragment.
fn is_spiffe_id(rest: &str) -> bool {
    let Some(rest) = rest.strip_prefix("//") else {
        return false;
    };
    let (trust_domain, path) = match rest.split_once('/') {
        Some((trust_domain, path)) => (trust_domain, Some(path)),
        None => (rest, None),
    };
    is_trust_domain(trust_domain) && path.is_none_or(|path| path.split('/').all(is_path_segment))
}

fn is_trust_domain(text: &str) -> bool {
    let is_allowed =
        |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || b"-._".contains(&octet);
    (1..=255).contains(&text.len()) && text.bytes().all(is_allowed)
}

fn is_path_segment(text: &str) -> bool {
    let is_allowed = |octet: u8| octet.is_ascii_alphanumeric() || b"-._".contains(&octet);
    !text.is_empty() && text != "." && text != ".." && text.bytes().all(is_allowed)
}

/// The longest SPIFFE id that implementations must take; enough for any other URI here.
const MAX_BYTES: usize = 2_048;
