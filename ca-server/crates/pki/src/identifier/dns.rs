//! Which text is a DNS name that a certificate may hold (RFC 5280 §4.2.1.6, RFC 5890 §2.3.1).

/// Checks a name that is in lower case already; the error says what is wrong, for the requester.
pub(super) fn check(name: &str) -> Result<(), &'static str> {
    if name.contains(':') || ends_in_a_number(name) {
        return Err("it looks like an IP address: ask for it with type ip");
    }
    if name.is_empty() {
        return Err("it is empty");
    }
    if name.ends_with('.') {
        return Err("it ends with a dot");
    }
    if name.len() > 253 {
        return Err("it is longer than 253 octets");
    }
    name.strip_prefix("*.")
        .unwrap_or(name)
        .split('.')
        .try_for_each(check_label)
}

fn check_label(label: &str) -> Result<(), &'static str> {
    if label.is_empty() {
        return Err("it has an empty label");
    }
    if label.len() > 63 {
        return Err("a label is longer than 63 octets");
    }
    if label.contains('*') {
        return Err("a wildcard must be the whole first label, with a name after it");
    }
    if !label
        .bytes()
        .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
    {
        return Err("a label has something else than letters, digits and hyphens");
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err("a label begins or ends with a hyphen");
    }
    if label.get(2..4) == Some("--") {
        return check_reserved_label(label);
    }
    Ok(())
}

/// Of the labels with hyphens in the third and fourth place only A-labels have a meaning, and only
/// if they are what their own U-label encodes to; others could be read as two different names.
fn check_reserved_label(label: &str) -> Result<(), &'static str> {
    if !label.starts_with("xn--") {
        return Err("a label has hyphens in the third and fourth place and is not an A-label");
    }
    let (unicode, decoded) = idna::domain_to_unicode(label);
    let encodes_back = idna::domain_to_ascii(&unicode).is_ok_and(|ascii| ascii == label);
    if decoded.is_err() || !encodes_back {
        return Err("a label beginning with xn-- is not a valid A-label");
    }
    Ok(())
}

/// Returns whether clients would take the name for an IPv4 address in one of its odd forms
/// (`127.1`, `0x7f000001`): a last label that is a number, decimal or hexadecimal.
fn ends_in_a_number(name: &str) -> bool {
    let last = name
        .trim_end_matches('.')
        .rsplit('.')
        .next()
        .unwrap_or_default();
    let hexadecimal = last.strip_prefix("0x");
    let is_decimal = !last.is_empty() && last.bytes().all(|octet| octet.is_ascii_digit());
    is_decimal || hexadecimal.is_some_and(|digits| digits.bytes().all(|it| it.is_ascii_hexdigit()))
}
