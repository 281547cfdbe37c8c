//! Contact URLs (RFC 8555 §7.3): one plain address in each `mailto:`.

use crate::{Error, Problem, ProblemKind};

/// Checks contacts as a client sent them; each is kept as it is.
pub(crate) fn check(unverified: &[String]) -> Result<(), Error> {
    if unverified.len() > MOST_CONTACTS {
        return Err(invalid(format!(
            "an account has at most {MOST_CONTACTS} contacts"
        )));
    }
    unverified.iter().try_for_each(|contact| check_one(contact))
}

fn check_one(contact: &str) -> Result<(), Error> {
    let shown: String = contact.chars().take(LONGEST_ADDRESS).collect();
    let Some((scheme, address)) = contact.split_once(':') else {
        return Err(invalid(format!(
            "{shown:?} is not a URL: write mailto:name@example.org"
        )));
    };
    if !scheme.eq_ignore_ascii_case("mailto") {
        let detail = format!("{shown:?} is not a mailto: URL, the only scheme supported");
        return Err(Problem::new(ProblemKind::UnsupportedContact, detail).into());
    }
    if is_plain_address(address) {
        return Ok(());
    }
    Err(invalid(format!(
        "{shown:?} is not mailto: and one plain address, without header fields"
    )))
}

/// Dot-atom and host name (RFC 5321 §4.1.2), so neither `hfields` nor a second address.
fn is_plain_address(address: &str) -> bool {
    let Some((local, host)) = address.split_once('@') else {
        return false;
    };
    address.len() <= LONGEST_ADDRESS
        && local.len() <= 64
        && local.split('.').all(is_atom)
        && host.split('.').all(is_label)
}

fn is_atom(text: &str) -> bool {
    // RFC 5321's atext without `?`, `%` and `&`, which mean something else in a URL.
    let allowed = |octet: u8| octet.is_ascii_alphanumeric() || b"!#$'*+-/=^_`{|}~".contains(&octet);
    !text.is_empty() && text.bytes().all(allowed)
}

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn invalid(detail: impl Into<String>) -> Error {
    Problem::new(ProblemKind::InvalidContact, detail).into()
}

const MOST_CONTACTS: usize = 10;
const LONGEST_ADDRESS: usize = 254;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_one_plain_address_in_each() {
        for contact in [
            "mailto:anna@example.org",
            "MAILTO:anna@example.org",
            "mailto:first.last+tag@sub.example-1.org",
            "mailto:root@localhost",
        ] {
            assert!(check_one(contact).is_ok(), "{contact}");
        }
    }

    #[test]
    fn tells_unsupported_schemes_from_invalid_addresses() {
        let long = format!("mailto:{}@example.org", "x".repeat(65));
        let cases = [
            ("tel:+491234", ProblemKind::UnsupportedContact),
            ("https://example.org/anna", ProblemKind::UnsupportedContact),
            ("", ProblemKind::InvalidContact),
            ("anna@example.org", ProblemKind::InvalidContact),
            ("mailto:", ProblemKind::InvalidContact),
            ("mailto:anna", ProblemKind::InvalidContact),
            ("mailto:@example.org", ProblemKind::InvalidContact),
            ("mailto:anna@", ProblemKind::InvalidContact),
            ("mailto:anna@example..org", ProblemKind::InvalidContact),
            ("mailto:anna@-x.org", ProblemKind::InvalidContact),
            ("mailto:a..b@example.org", ProblemKind::InvalidContact),
            ("mailto:a@b.org,c@d.org", ProblemKind::InvalidContact),
            ("mailto:a@b@c.org", ProblemKind::InvalidContact),
            ("mailto:a@b.org?subject=x", ProblemKind::InvalidContact),
            ("mailto:a%40b@c.org", ProblemKind::InvalidContact),
            ("mailto:ü@example.org", ProblemKind::InvalidContact),
            ("mailto:a@b.org\r\nX: y", ProblemKind::InvalidContact),
            (&long, ProblemKind::InvalidContact),
        ];

        for (contact, expected) in cases {
            let kind = match check_one(contact) {
                Err(Error::Refused(problem)) => Some(problem.kind),
                _ => None,
            };
            assert_eq!(kind, Some(expected), "{contact}");
        }
    }

    #[test]
    fn refuses_more_contacts_than_anyone_has() {
        let contacts = vec!["mailto:anna@example.org".to_owned(); MOST_CONTACTS + 1];

        assert!(check(&contacts).is_err());
    }
}
