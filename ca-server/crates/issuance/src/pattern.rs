//! Patterns over identifiers: `dns:**.example.internal`, `ip:10.0.0.0/8`, `uri:spiffe://x/ci/*`.
//!
//! `*` stands for exactly one label (in URIs one path segment), `**` for one or more. A wildcard
//! name is one name that stands for many: it is allowed only where every name under it is, and
//! denied where any name under it is.
//!
//! What is judged is compared in one spelling: an address that is written as IPv4 inside IPv6, a
//! host in capitals or an escaped letter are no way around a rule.

mod uri;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ca_pki::Identifier;
use ipnet::IpNet;

/// One pattern over one type of identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// `dns:`, labels from left to right.
    Dns(Vec<Token>),
    /// `ip:`, an address or a network.
    Ip(IpNet),
    /// `uri:`, segments between slashes from left to right; the scheme and what follows its
    /// slashes are the first three. A glob covers no query and no fragment.
    Uri(Vec<Token>),
    /// `email:`, the local part and the domain's labels.
    Email(Token, Vec<Token>),
}

/// One label or segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// This text. Labels, schemes and hosts are in lower case; paths and local parts are as written.
    Exactly(String),
    /// `*`: exactly one label or segment.
    One,
    /// `**`: one or more.
    OneOrMore,
}

/// Text that is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a pattern: write dns:, ip:, uri: or email:, then a name, address or network; * is one label, ** one or more, at most twice"
)]
pub struct NotAPattern(String);

/// Which identifiers may be had: some pattern of `allow` covers them and none of `deny` does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// What may be had.
    pub allow: Vec<Pattern>,
    /// What may not; wins.
    pub deny: Vec<Pattern>,
    /// Whether wildcard names may be had where a pattern covers every name under them.
    pub wildcards: Wildcards,
}

/// Whether wildcard names may be had at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wildcards {
    /// Never.
    #[default]
    Refused,
    /// Where a pattern covers every name under them.
    Allowed,
}

/// Why a scope does not hold an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfScope {
    /// No pattern covers it.
    #[error("no rule allows it")]
    NotAllowed,
    /// A deny pattern covers it.
    #[error("a rule denies it")]
    Denied,
    /// Wildcards are refused.
    #[error("wildcard names are not allowed here")]
    WildcardRefused,
}

impl Scope {
    /// Judges one identifier.
    pub fn judge(&self, identifier: &Identifier) -> Result<(), OutOfScope> {
        let wildcard = matches!(identifier, Identifier::Dns(name) if name.is_wildcard());
        if wildcard && self.wildcards == Wildcards::Refused {
            return Err(OutOfScope::WildcardRefused);
        }
        if self.deny.iter().any(|pattern| pattern.touches(identifier)) {
            return Err(OutOfScope::Denied);
        }
        if !self.allow.iter().any(|pattern| pattern.covers(identifier)) {
            return Err(OutOfScope::NotAllowed);
        }
        Ok(())
    }
}

impl Pattern {
    /// Returns whether everything that `identifier` stands for matches.
    pub fn covers(&self, identifier: &Identifier) -> bool {
        self.matches(identifier, Purpose::Cover)
    }

    /// Returns whether anything that `identifier` stands for matches.
    pub fn touches(&self, identifier: &Identifier) -> bool {
        self.matches(identifier, Purpose::Touch)
    }

    fn matches(&self, identifier: &Identifier, purpose: Purpose) -> bool {
        match (self, identifier) {
            (Self::Dns(tokens), Identifier::Dns(name)) => {
                let labels: Vec<&str> = name.as_str().split('.').collect();
                sequence_matches(tokens, &labels, |token, label| {
                    token.matches(label) || (purpose == Purpose::Touch && label == "*")
                })
            }
            (Self::Ip(network), Identifier::Ip(address)) => {
                network.contains(&address.to_canonical())
            }
            (Self::Uri(tokens), Identifier::Uri(uri)) => matches_uri(tokens, uri, purpose),
            (Self::Email(local, domain), Identifier::Email(mailbox)) => {
                matches_mailbox((local, domain), mailbox, purpose)
            }
            (Self::Dns(_) | Self::Ip(_) | Self::Uri(_) | Self::Email(..), _) => false,
        }
    }
}

/// What a match means, and so on which side a doubt falls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// All that the identifier stands for matches: it may be had.
    Cover,
    /// Something that it stands for matches: it may not.
    Touch,
}

/// A URI that has no one spelling is covered by nothing and touched by everything.
fn matches_uri(tokens: &[Token], uri: &str, purpose: Purpose) -> bool {
    let Some(segments) = uri::segments(uri) else {
        return purpose == Purpose::Touch;
    };
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    sequence_matches(tokens, &segments, |token, segment| {
        let is_glob = !matches!(token, Token::Exactly(_));
        let is_more_than_path = is_glob && segment.contains(['?', '#']);
        token.matches(segment) && !(is_more_than_path && purpose == Purpose::Cover)
    })
}

/// Most mail servers take a local part in any case, so a denied one is denied in every case.
fn matches_mailbox((local, domain): (&Token, &[Token]), mailbox: &str, purpose: Purpose) -> bool {
    let Some((unverified_local, host)) = mailbox.rsplit_once('@') else {
        return false;
    };
    let is_local = match (local, purpose) {
        (Token::Exactly(text), Purpose::Touch) => text.eq_ignore_ascii_case(unverified_local),
        (Token::Exactly(_) | Token::One | Token::OneOrMore, _) => local.matches(unverified_local),
    };
    let labels: Vec<&str> = host.split('.').collect();
    is_local && sequence_matches(domain, &labels, Token::matches)
}

impl Token {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "*" => Some(Self::One),
            "**" => Some(Self::OneOrMore),
            _ if text.contains('*') => None,
            _ => Some(Self::Exactly(text.to_owned())),
        }
    }

    fn matches(&self, label: &str) -> bool {
        match self {
            Self::One | Self::OneOrMore => !label.is_empty(),
            Self::Exactly(text) => text == label,
        }
    }
}

/// Matches tokens against labels; each `**` takes at least one label. With two of them at most,
/// what is tried grows with the square of the labels, not exponentially.
fn sequence_matches(
    tokens: &[Token],
    labels: &[&str],
    is_match: impl Fn(&Token, &str) -> bool + Copy,
) -> bool {
    match (tokens.split_first(), labels.split_first()) {
        (None, None) => true,
        (None, Some(_)) | (Some(_), None) => false,
        (Some((token, more_tokens)), Some((label, more_labels))) => {
            is_match(token, label)
                && (sequence_matches(more_tokens, more_labels, is_match)
                    || (*token == Token::OneOrMore
                        && sequence_matches(tokens, more_labels, is_match)))
        }
    }
}

impl FromStr for Pattern {
    type Err = NotAPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| NotAPattern(text.chars().take(255).collect()))
    }
}

fn parse(text: &str) -> Option<Pattern> {
    let (kind, value) = text.split_once(':')?;
    match kind {
        "dns" => labels(value).map(Pattern::Dns),
        "ip" => network(value).map(Pattern::Ip),
        "uri" => bounded(uri::tokens(value)?).map(Pattern::Uri),
        "email" => {
            let (local, domain) = value.rsplit_once('@')?;
            let local = Token::parse(local).filter(|_| !local.is_empty())?;
            Some(Pattern::Email(local, labels(domain)?))
        }
        _ => None,
    }
}

fn bounded(tokens: Vec<Token>) -> Option<Vec<Token>> {
    let many = tokens.iter().filter(|token| **token == Token::OneOrMore);
    (many.count() <= MOST_OPEN_ENDS).then_some(tokens)
}

fn labels(value: &str) -> Option<Vec<Token>> {
    if value.is_empty() || value.len() > 253 {
        return None;
    }
    let lower = value.to_ascii_lowercase();
    let tokens = lower
        .split('.')
        .map(|label| Token::parse(label).filter(|_| !label.is_empty()));
    bounded(tokens.collect::<Option<_>>()?)
}

/// An IPv4 network inside IPv6 (`::ffff:0:0/96`) would never match: it is written as IPv4.
fn network(value: &str) -> Option<IpNet> {
    let host = || value.parse::<IpAddr>().ok().map(IpNet::from);
    let network = value.parse::<IpNet>().ok().or_else(host)?;
    let is_mapped = network.addr().to_canonical() != network.addr();
    (!is_mapped).then_some(network)
}

/// How many `**` a pattern may have.
const MOST_OPEN_ENDS: usize = 2;

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(tokens) => write!(f, "dns:{}", join(tokens, ".")),
            Self::Ip(network) => write!(f, "ip:{network}"),
            Self::Uri(tokens) => write!(f, "uri:{}", join(tokens, "/")),
            Self::Email(local, domain) => write!(f, "email:{local}@{}", join(domain, ".")),
        }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(text) => f.write_str(text),
            Self::One => f.write_str("*"),
            Self::OneOrMore => f.write_str("**"),
        }
    }
}

fn join(tokens: &[Token], separator: &str) -> String {
    let texts: Vec<String> = tokens.iter().map(Token::to_string).collect();
    texts.join(separator)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scope(allow: &[&str], deny: &[&str]) -> Scope {
        let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Scope {
            allow: parse(allow),
            deny: parse(deny),
            wildcards: Wildcards::Allowed,
        }
    }

    fn verdict(scope: &Scope, kind: &str, value: &str) -> Result<(), OutOfScope> {
        scope.judge(&Identifier::parse(kind, value).unwrap())
    }

    #[test]
    fn a_star_is_exactly_one_label_and_two_are_one_or_more() {
        let cases = [
            ("dns:*.ci.example", "a.ci.example", true),
            ("dns:*.ci.example", "a.b.ci.example", false),
            ("dns:*.ci.example", "ci.example", false),
            ("dns:**.ci.example", "a.b.ci.example", true),
            ("dns:**.ci.example", "ci.example", false),
            ("dns:**", "localhost", true),
            ("dns:ci.example", "ci.example", true),
            ("dns:ci.example", "xci.example", false),
            ("dns:CI.Example", "ci.example", true),
        ];

        for (pattern, name, expected) in cases {
            let judged = verdict(&scope(&[pattern], &[]), "dns", name);
            assert_eq!(judged.is_ok(), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_wildcard_name_needs_a_pattern_over_every_name_below_it() {
        let cases = [
            ("dns:*.a.example", "*.a.example", true),
            ("dns:**.example", "*.a.example", true),
            ("dns:x.a.example", "*.a.example", false),
            ("dns:*.example", "*.a.example", false),
        ];

        for (pattern, name, expected) in cases {
            let judged = verdict(&scope(&[pattern], &[]), "dns", name);
            assert_eq!(judged.is_ok(), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_denied_name_takes_the_wildcards_above_it_along() {
        let scope = scope(&["dns:**"], &["dns:vault.example"]);

        assert_eq!(verdict(&scope, "dns", "*.example"), Err(OutOfScope::Denied));
        assert_eq!(
            verdict(&scope, "dns", "vault.example"),
            Err(OutOfScope::Denied)
        );
        assert_eq!(verdict(&scope, "dns", "other.example"), Ok(()));
    }

    #[test]
    fn networks_and_uris_match_by_their_own_parts() {
        let scope = scope(
            &["ip:10.0.0.0/8", "ip:::1", "uri:spiffe://x.example/ci/*"],
            &[],
        );

        assert!(verdict(&scope, "ip", "10.9.8.7").is_ok());
        assert!(verdict(&scope, "ip", "::1").is_ok());
        assert!(verdict(&scope, "ip", "11.0.0.1").is_err());
        assert!(verdict(&scope, "uri", "spiffe://x.example/ci/42").is_ok());
        assert!(verdict(&scope, "uri", "spiffe://x.example/ci/42/deploy").is_err());
        assert!(verdict(&scope, "uri", "spiffe://evil.example/ci/42").is_err());
    }

    #[test]
    fn an_ipv4_address_inside_ipv6_is_the_ipv4_address() {
        let scope = scope(&["ip:10.0.0.0/8", "ip:::/0"], &["ip:10.0.0.1"]);
        let mapped = |text: &str| Identifier::Ip(text.parse().unwrap());

        assert_eq!(
            scope.judge(&mapped("::ffff:10.0.0.1")),
            Err(OutOfScope::Denied)
        );
        assert_eq!(scope.judge(&mapped("::ffff:10.0.0.2")), Ok(()));
        assert_eq!(
            scope.judge(&mapped("::ffff:11.0.0.1")),
            Err(OutOfScope::NotAllowed)
        );
    }

    #[test]
    fn a_uri_has_one_spelling_under_a_rule() {
        let scope = scope(
            &[
                "uri:HTTPS://A.Example/**",
                "uri:urn:a:b",
                "uri:https://c/x?y",
            ],
            &[
                "uri:https://a.example/secret/**",
                "uri:https://A.example/%c3%bc",
            ],
        );
        let allowed = Ok(());
        let cases = [
            ("https://a.example/x", allowed),
            ("https://A.EXAMPLE/x/y", allowed),
            ("https://a.example/X", allowed),
            ("https://a.example/a%20b", allowed),
            ("urn:a:b", allowed),
            ("https://c/x?y", allowed),
            ("urn:a:B", Err(OutOfScope::NotAllowed)),
            ("https://a.example/secret/x", Err(OutOfScope::Denied)),
            ("https://A.example/secret/x", Err(OutOfScope::Denied)),
            ("https://a.example/secret/x?y", Err(OutOfScope::Denied)),
            ("https://a.example/%C3%BC", Err(OutOfScope::Denied)),
            ("https://a.example/%73ecret/x", Err(OutOfScope::Denied)),
            ("https://a.example/secret%2fx", Err(OutOfScope::Denied)),
            ("https://a.example/secret%5Cx", Err(OutOfScope::Denied)),
            ("https://a.example/x/../secret/x", Err(OutOfScope::Denied)),
            ("https://a.example/./x", Err(OutOfScope::Denied)),
            ("https://a.example/%2e%2E/x", Err(OutOfScope::Denied)),
            ("https://a.example/x%2573", Err(OutOfScope::Denied)),
            ("https://a.example/..?x", Err(OutOfScope::Denied)),
            ("https://a.example/x?y", Err(OutOfScope::NotAllowed)),
            ("https://a.example/x#y", Err(OutOfScope::NotAllowed)),
            ("https://a.example/", Err(OutOfScope::NotAllowed)),
            ("https://a.example//x", Err(OutOfScope::NotAllowed)),
            ("https://a.example@b.example/x", Err(OutOfScope::NotAllowed)),
            ("https://a.example:8443/x", Err(OutOfScope::NotAllowed)),
            ("http://a.example/x", Err(OutOfScope::NotAllowed)),
        ];

        for (uri, expected) in cases {
            assert_eq!(verdict(&scope, "uri", uri), expected, "{uri}");
        }
    }

    #[test]
    fn a_denied_mailbox_is_denied_in_every_case() {
        let scope = scope(&["email:*@example"], &["email:root@example"]);

        assert_eq!(verdict(&scope, "email", "Anna@example"), Ok(()));
        for mailbox in ["root@example", "Root@EXAMPLE"] {
            let judged = verdict(&scope, "email", mailbox);
            assert_eq!(judged, Err(OutOfScope::Denied), "{mailbox}");
        }
    }

    proptest! {
        /// A wildcard stands for each name one label longer: what covers it covers all of them,
        /// and what touches one of them touches it.
        #[test]
        fn a_wildcard_name_is_all_names_under_it(
            pattern in "dns:(\\*|\\*\\*|a|b)(\\.(\\*|\\*\\*|a|b)){0,3}",
            base in "[ab](\\.[ab]){0,3}",
            label in "[abc]",
        ) {
            let Ok(pattern) = pattern.parse::<Pattern>() else {
                return Ok(());
            };
            let name = |text: String| Identifier::parse("dns", &text).unwrap();
            let (wildcard, below) = (name(format!("*.{base}")), name(format!("{label}.{base}")));

            prop_assert!(!pattern.covers(&wildcard) || pattern.covers(&below));
            prop_assert!(!pattern.touches(&below) || pattern.touches(&wildcard));
            prop_assert!(!pattern.covers(&wildcard) || pattern.touches(&wildcard));
        }

        #[test]
        fn a_wildcard_name_never_passes_a_rule_without_globs_or_without_wildcards(
            base in "[ab](\\.[ab]){0,3}",
            exact in "[ab](\\.[ab]){0,4}",
        ) {
            let wildcard = Identifier::parse("dns", &format!("*.{base}")).unwrap();
            let exact = scope(&[&format!("dns:{exact}"), &format!("dns:{base}")], &[]);
            let refusing = Scope {
                wildcards: Wildcards::Refused,
                ..scope(&["dns:**"], &[])
            };

            prop_assert_eq!(exact.judge(&wildcard), Err(OutOfScope::NotAllowed));
            prop_assert_eq!(refusing.judge(&wildcard), Err(OutOfScope::WildcardRefused));
        }

        /// A pattern written out and read back is the same pattern.
        #[test]
        fn patterns_read_back(text in "(dns|uri|email):[a-z*./:@%]{0,12}") {
            if let Ok(pattern) = text.parse::<Pattern>() {
                prop_assert_eq!(pattern.to_string().parse(), Ok(pattern));
            }
        }
    }

    #[test]
    fn a_long_name_under_a_pattern_of_two_open_ends_is_judged_at_once() {
        let pattern: Pattern = "uri:https://a/**/x/**/y".parse().unwrap();
        let long = Identifier::Uri(format!("https://a{}", "/x".repeat(1_000)));

        assert!(!pattern.covers(&long));
    }

    #[test]
    fn refuses_what_is_not_a_pattern() {
        for text in [
            "",
            "dns:",
            "dns:a..b",
            "dns:a*.b",
            "ip:10.0.0.0/40",
            "tel:1",
            "email:x",
            "email:@x",
            "dns:**.a.**.b.**",
            "email:a@**.**.**",
            "uri:https://**/a/**/b/**",
            "uri:**",
            "uri:*://a",
            "uri:https:",
            "uri:https://a/../b",
            "uri:https://a/%2e",
            "uri:https://a/b%2Fc",
            "uri:https://a/b%2",
            "ip:::ffff:10.0.0.0/104",
            "ip:::ffff:10.0.0.1",
        ] {
            assert!(text.parse::<Pattern>().is_err(), "{text}");
        }
    }
}
