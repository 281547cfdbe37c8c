//! URIs in the one spelling that patterns compare (RFC 3986 §6.2.2).

use super::Token;

/// Splits a URI at its slashes, scheme and host in lower case.
///
/// `None` where one place has several spellings: dot segments, an escape of a character that needs
/// none, an escaped slash. A rule that names the place would not see it in another spelling, so
/// nothing covers such a URI.
pub(super) fn segments(uri: &str) -> Option<Vec<String>> {
    let mut segments: Vec<String> = uri.split('/').map(str::to_owned).collect();
    fold_scheme_and_host(&mut segments);
    let path = segments.iter().skip(AUTHORITY + 1);
    let is_plain = path.clone().all(|it| !is_dots(it)) && segments.iter().all(|it| is_plain(it));
    if !is_plain {
        return None;
    }
    Some(segments.iter().map(|it| fold_escapes(it)).collect())
}

/// Reads the tokens of a pattern; `None` if it could cover nothing.
pub(super) fn tokens(pattern: &str) -> Option<Vec<Token>> {
    let (scheme, rest) = pattern.split_once(':')?;
    let has_scheme = !scheme.is_empty() && !scheme.contains(['*', '/']);
    if !has_scheme || rest.is_empty() {
        return None;
    }
    segments(pattern)?
        .iter()
        .map(|segment| Token::parse(segment))
        .collect()
}

/// The scheme and what is before the first slash after it; the user is left alone.
fn fold_scheme_and_host(segments: &mut [String]) {
    let has_authority = segments.get(1).is_some_and(String::is_empty);
    if let Some(first) = segments.first_mut()
        && let Some((scheme, rest)) = first.split_once(':')
    {
        *first = format!("{}:{rest}", scheme.to_ascii_lowercase());
    }
    if has_authority && let Some(authority) = segments.get_mut(AUTHORITY) {
        *authority = match authority.rsplit_once('@') {
            Some((user, host)) => format!("{user}@{}", host.to_ascii_lowercase()),
            None => authority.to_ascii_lowercase(),
        };
    }
}

/// `.` and `..`, also where a query or fragment follows.
fn is_dots(segment: &str) -> bool {
    let path = segment.split(['?', '#']).next().unwrap_or_default();
    matches!(path, "." | "..")
}

/// Tells whether no escape stands for a character that may stand for itself, or for a slash.
fn is_plain(segment: &str) -> bool {
    segment.split('%').skip(1).all(|after| {
        let octet = after
            .get(..2)
            .and_then(|it| u8::from_str_radix(it, 16).ok());
        octet.is_some_and(|octet| {
            let is_unreserved = octet.is_ascii_alphanumeric() || b"-._~".contains(&octet);
            !is_unreserved && !b"/\\%\0".contains(&octet)
        })
    })
}

/// Writes the hex digits of escapes in upper case.
fn fold_escapes(segment: &str) -> String {
    let mut parts = segment.split('%');
    let mut folded = parts.next().unwrap_or_default().to_owned();
    for after in parts {
        let (digits, rest) = after.split_at_checked(2).unwrap_or((after, ""));
        folded.push('%');
        folded.push_str(&digits.to_ascii_uppercase());
        folded.push_str(rest);
    }
    folded
}

/// Where the authority stands in `scheme://authority/path`.
const AUTHORITY: usize = 2;
