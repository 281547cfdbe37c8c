//! What a set of CAA records permits.

use hickory_resolver::proto::rr::rdata::CAA;

use super::Issuance;

/// One CAA record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Property {
    is_critical: bool,
    tag: String,
    value: Vec<u8>,
}

/// Why CAA records forbid issuance; the most telling reason where several records do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub(crate) enum CaaRefusal {
    /// Only other CAs, or none, are named.
    #[error("none of them names this CA")]
    NotNamed,
    /// Records name CAs, and this one has no name.
    #[error("this CA has no CAA identity; its operator lists some in validation.caa_identities")]
    NoIdentity,
    /// This CA may issue for other accounts.
    #[error("they name this CA for another account only (accounturi)")]
    OtherAccount,
    /// This CA may issue by other methods.
    #[error("they name this CA for other validation methods only (validationmethods)")]
    OtherMethod,
    /// A critical record that this CA does not understand.
    #[error("one of them is critical and unknown to this CA")]
    UnknownCritical,
}

/// Decides by the records of one name, which are the relevant set (RFC 8659 §4).
pub(super) fn judge(records: &[Property], issuance: &Issuance<'_>) -> Result<(), CaaRefusal> {
    if records.iter().any(Property::is_unknown_and_critical) {
        return Err(CaaRefusal::UnknownCritical);
    }
    let mut relevant: Vec<_> = Vec::new();
    if issuance.wildcard {
        relevant.extend(records.iter().filter(|record| record.is("issuewild")));
    }
    if relevant.is_empty() {
        relevant.extend(records.iter().filter(|record| record.is("issue")));
    }
    if relevant.is_empty() {
        return Ok(());
    }
    let refusals: Vec<_> = relevant
        .iter()
        .map_while(|record| record.permits(issuance).err())
        .collect();
    if refusals.len() < relevant.len() {
        return Ok(());
    }
    Err(refusals.into_iter().max().unwrap_or(CaaRefusal::NotNamed))
}

impl Property {
    fn is(&self, tag: &str) -> bool {
        self.tag.eq_ignore_ascii_case(tag)
    }

    fn is_unknown_and_critical(&self) -> bool {
        self.is_critical && !KNOWN.iter().any(|tag| self.is(tag))
    }

    /// Decides by one `issue` or `issuewild` record.
    fn permits(&self, issuance: &Issuance<'_>) -> Result<(), CaaRefusal> {
        // What does not parse counts as `issue ";"` (RFC 8659 §4.2).
        let Some(grant) = Grant::parse(&self.value) else {
            return Err(CaaRefusal::NotNamed);
        };
        if issuance.identities.is_empty() {
            return Err(CaaRefusal::NoIdentity);
        }
        let is_named = issuance
            .identities
            .iter()
            .any(|identity| identity.eq_ignore_ascii_case(grant.issuer));
        if !is_named {
            return Err(CaaRefusal::NotNamed);
        }
        grant.permits_account(issuance.account_url)?;
        grant.permits_method(issuance)
    }
}

impl From<CAA> for Property {
    fn from(record: CAA) -> Self {
        Self {
            is_critical: record.issuer_critical,
            tag: record.tag,
            value: record.value,
        }
    }
}

/// The value of an `issue` or `issuewild` record that names an issuer.
struct Grant<'a> {
    issuer: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> Grant<'a> {
    /// Parses by the grammar of RFC 8659 §4.2; `None` where it fits not or names nobody.
    fn parse(value: &'a [u8]) -> Option<Self> {
        let text = str::from_utf8(value).ok()?;
        let (issuer, rest) = match text.split_once(';') {
            Some((issuer, rest)) => (issuer, rest.trim_matches(WHITE_SPACE)),
            None => (text, ""),
        };
        let issuer = issuer.trim_matches(WHITE_SPACE);
        if !issuer.split('.').all(is_label) {
            return None;
        }
        let parameters = if rest.is_empty() {
            Vec::new()
        } else {
            rest.split(';').map(parameter).collect::<Option<_>>()?
        };
        Some(Self { issuer, parameters })
    }

    /// Without the parameter any account, with it that one, with several none (RFC 8657 §3).
    fn permits_account(&self, account_url: &str) -> Result<(), CaaRefusal> {
        match self.values("accounturi").as_slice() {
            [] => Ok(()),
            [account] if *account == account_url => Ok(()),
            [_] | [_, ..] => Err(CaaRefusal::OtherAccount),
        }
    }

    /// Without the parameter any method, with it those listed, with several none (RFC 8657 §4).
    fn permits_method(&self, issuance: &Issuance<'_>) -> Result<(), CaaRefusal> {
        let listed = match self.values("validationmethods").as_slice() {
            [] => return Ok(()),
            [methods] => methods.split(','),
            [_, ..] => return Err(CaaRefusal::OtherMethod),
        };
        let used = issuance.challenge.map(|challenge| challenge.name());
        let is_listed = used.is_some_and(|used| listed.into_iter().any(|method| method == used));
        is_listed.then_some(()).ok_or(CaaRefusal::OtherMethod)
    }

    fn values(&self, tag: &str) -> Vec<&'a str> {
        self.parameters
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(tag))
            .map(|(_, value)| *value)
            .collect()
    }
}

fn parameter(text: &str) -> Option<(&str, &str)> {
    let (tag, value) = text.split_once('=')?;
    let tag = tag.trim_matches(WHITE_SPACE);
    let value = value.trim_matches(WHITE_SPACE);
    let is_parameter = is_label(tag) && value.bytes().all(|octet| octet.is_ascii_graphic());
    is_parameter.then_some((tag, value))
}

fn is_label(text: &str) -> bool {
    let is_letter_digit_hyphen = text
        .bytes()
        .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
    is_letter_digit_hyphen && !text.is_empty() && !text.starts_with('-') && !text.ends_with('-')
}

const WHITE_SPACE: [char; 2] = [' ', '\t'];
const KNOWN: [&str; 4] = ["issue", "issuewild", "iodef", "issuemail"];

#[cfg(test)]
mod tests {
    use ca_acme::authorization::ChallengeKind;

    use super::*;

    const ACCOUNT: &str = "https://ca.example/acme/default/account/1";

    fn property(flags: u8, tag: &str, value: &str) -> Property {
        Property {
            is_critical: flags & 128 != 0,
            tag: tag.to_owned(),
            value: value.as_bytes().to_vec(),
        }
    }

    fn verdict(wildcard: bool, records: &[(u8, &str, &str)]) -> Result<(), CaaRefusal> {
        let records: Vec<_> = records
            .iter()
            .map(|(flags, tag, value)| property(*flags, tag, value))
            .collect();
        let issuance = Issuance {
            wildcard,
            identities: &["ca.example".to_owned(), "second.example".to_owned()],
            account_url: ACCOUNT,
            challenge: Some(ChallengeKind::Dns01),
        };
        judge(&records, &issuance)
    }

    #[test]
    fn permits_where_a_record_names_this_ca() {
        for records in [
            vec![(0, "issue", "ca.example")],
            vec![(128, "issue", "ca.example")],
            vec![(0, "ISSUE", "CA.Example")],
            vec![(0, "issue", " \tca.example ")],
            vec![(0, "issue", "ca.example;")],
            vec![(0, "issue", "ca.example ; unknown=x")],
            vec![(0, "issue", "second.example")],
            vec![(0, "issue", "other.example"), (0, "issue", "ca.example")],
            vec![(0, "issue", "ca.example"), (0, "issue", ";")],
            vec![(0, "iodef", "mailto:security@example.com")],
            vec![(0, "unknown", "x")],
            vec![(1, "unknown", "x")],
            vec![(0, "issuewild", ";")],
        ] {
            assert_eq!(verdict(false, &records), Ok(()), "{records:?}");
        }
    }

    #[test]
    fn forbids_where_only_others_or_nobody_is_named() {
        for value in [
            ";",
            "",
            " ",
            "other.example",
            "ca.example.",
            "sub.ca.example",
            "xca.example",
            "ca.example other.example",
            "ca.example; nonsense",
            "ca.example; a=b;",
            "ca.example; a=b c",
            "ca.example; -a=b",
            "ca_example",
            "%%%%",
            "ca.example\0",
        ] {
            let records = [(0, "issue", value)];
            assert_eq!(
                verdict(false, &records),
                Err(CaaRefusal::NotNamed),
                "{value:?}"
            );
        }
    }

    #[test]
    fn forbids_what_it_does_not_understand_and_must() {
        let records = [(128, "unknown", "x"), (0, "issue", "ca.example")];

        assert_eq!(verdict(false, &records), Err(CaaRefusal::UnknownCritical));
        assert_eq!(verdict(true, &records), Err(CaaRefusal::UnknownCritical));
    }

    #[test]
    fn asks_issuewild_first_for_wildcards_and_never_for_others() {
        let wild_here = [(0, "issuewild", "ca.example"), (0, "issue", ";")];
        assert_eq!(verdict(true, &wild_here), Ok(()));
        assert_eq!(verdict(false, &wild_here), Err(CaaRefusal::NotNamed));

        let no_wild = [(0, "issuewild", ";"), (0, "issue", "ca.example")];
        assert_eq!(verdict(true, &no_wild), Err(CaaRefusal::NotNamed));
        assert_eq!(verdict(false, &no_wild), Ok(()));

        let issue_only = [(0, "issue", "ca.example")];
        assert_eq!(verdict(true, &issue_only), Ok(()));
    }

    #[test]
    fn obeys_account_and_method_parameters() {
        let account = format!("ca.example; accounturi={ACCOUNT}");
        let twice = format!("{account}; accounturi={ACCOUNT}");
        for (value, expected) in [
            (account.as_str(), Ok(())),
            (twice.as_str(), Err(CaaRefusal::OtherAccount)),
            (
                "ca.example; accounturi=https://ca.example/2",
                Err(CaaRefusal::OtherAccount),
            ),
            ("ca.example; accounturi=", Err(CaaRefusal::OtherAccount)),
            ("ca.example; ACCOUNTURI=x", Err(CaaRefusal::OtherAccount)),
            ("ca.example; validationmethods=dns-01", Ok(())),
            ("ca.example;validationmethods = http-01,dns-01", Ok(())),
            (
                "ca.example; validationmethods=http-01",
                Err(CaaRefusal::OtherMethod),
            ),
            (
                "ca.example; validationmethods=",
                Err(CaaRefusal::OtherMethod),
            ),
            (
                "ca.example; validationmethods=dns-01x",
                Err(CaaRefusal::OtherMethod),
            ),
            (
                "ca.example; validationmethods=dns-01; validationmethods=dns-01",
                Err(CaaRefusal::OtherMethod),
            ),
        ] {
            assert_eq!(verdict(false, &[(0, "issue", value)]), expected, "{value}");
        }
    }

    #[test]
    fn permits_where_one_record_does_whatever_the_others_say() {
        let records = [
            (0, "issue", "ca.example; validationmethods=http-01"),
            (0, "issue", "ca.example; validationmethods=dns-01"),
        ];

        assert_eq!(verdict(false, &records), Ok(()));
    }

    #[test]
    fn forbids_every_restricted_name_to_a_ca_without_identity() {
        let issuance = Issuance {
            wildcard: false,
            identities: &[],
            account_url: ACCOUNT,
            challenge: Some(ChallengeKind::Dns01),
        };

        let restricted = judge(&[property(0, "issue", "ca.example")], &issuance);
        let unrestricted = judge(&[property(0, "iodef", "mailto:a@example")], &issuance);

        assert_eq!(restricted, Err(CaaRefusal::NoIdentity));
        assert_eq!(unrestricted, Ok(()));
    }

    #[test]
    fn does_not_take_a_born_valid_authorization_for_a_listed_method() {
        let issuance = Issuance {
            wildcard: false,
            identities: &["ca.example".to_owned()],
            account_url: ACCOUNT,
            challenge: None,
        };

        let listed = property(0, "issue", "ca.example; validationmethods=dns-01");

        assert_eq!(judge(&[listed], &issuance), Err(CaaRefusal::OtherMethod));
    }
}
