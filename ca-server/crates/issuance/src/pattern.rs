//! Patterns over identifiers: `dns:**.example.internal`, `ip:10.0.0.0/8`, `uri:spiffe://x/ci/*`.
//!
//! `*` stands for exactly one label (in URIs one path segment), `**` for one or more. A wildcard
//! name is one name that stands for many: it is allowed only where every name under it is, and
//! denied where any name under it is.

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
    /// `uri:`, segments between slashes from left to right.
    Uri(Vec<Token>),
    /// `email:`, the local part and the domain's labels.
    Email(Token, Vec<Token>),
}

/// One label or segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// This text, case folded.
    Exactly(String),
    /// `*`: exactly one label or segment.
    One,
    /// `**`: one or more.
    OneOrMore,
}

/// Text that is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a pattern: write dns:, ip:, uri: or email:, then a name, address or network; * is one label, ** one or more"
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
        self.matches(identifier, WildcardLabel::MatchesGlobsOnly)
    }

    /// Returns whether anything that `identifier` stands for matches.
    pub fn touches(&self, identifier: &Identifier) -> bool {
        self.matches(identifier, WildcardLabel::MatchesAnything)
    }

    fn matches(&self, identifier: &Identifier, wildcard: WildcardLabel) -> bool {
        match (self, identifier) {
            (Self::Dns(tokens), Identifier::Dns(name)) => {
                let labels: Vec<&str> = name.as_str().split('.').collect();
                sequence_matches(tokens, &labels, wildcard)
            }
            (Self::Ip(network), Identifier::Ip(address)) => network.contains(address),
            (Self::Uri(tokens), Identifier::Uri(uri)) => {
                let segments: Vec<&str> = uri.split('/').collect();
                sequence_matches(tokens, &segments, WildcardLabel::IsText)
            }
            (Self::Email(local, domain), Identifier::Email(mailbox)) => {
                let Some((unverified_local, host)) = mailbox.rsplit_once('@') else {
                    return false;
                };
                let labels: Vec<&str> = host.split('.').collect();
                local.matches(unverified_local, WildcardLabel::IsText)
                    && sequence_matches(domain, &labels, WildcardLabel::IsText)
            }
            (Self::Dns(_) | Self::Ip(_) | Self::Uri(_) | Self::Email(..), _) => false,
        }
    }
}

/// What a `*` label in the identifier itself means to a pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WildcardLabel {
    MatchesGlobsOnly,
    MatchesAnything,
    IsText,
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

    fn matches(&self, label: &str, wildcard: WildcardLabel) -> bool {
        match self {
            Self::One | Self::OneOrMore => !label.is_empty(),
            Self::Exactly(text) => {
                text == label || (label == "*" && wildcard == WildcardLabel::MatchesAnything)
            }
        }
    }
}

/// Matches tokens against labels; each `**` takes at least one label. Patterns come from the
/// operator and names are at most 127 labels, so the recursion is shallow.
fn sequence_matches(tokens: &[Token], labels: &[&str], wildcard: WildcardLabel) -> bool {
    match (tokens.split_first(), labels.split_first()) {
        (None, None) => true,
        (None, Some(_)) | (Some(_), None) => false,
        (Some((token, more_tokens)), Some((label, more_labels))) => {
            token.matches(label, wildcard)
                && (sequence_matches(more_tokens, more_labels, wildcard)
                    || (*token == Token::OneOrMore
                        && sequence_matches(tokens, more_labels, wildcard)))
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
        "dns" => Some(Pattern::Dns(labels(value)?)),
        "ip" => network(value).map(Pattern::Ip),
        "uri" => {
            let tokens: Option<Vec<Token>> = value.split('/').map(Token::parse).collect();
            value.contains(':').then_some(Pattern::Uri(tokens?))
        }
        "email" => {
            let (local, domain) = value.rsplit_once('@')?;
            Some(Pattern::Email(Token::parse(local)?, labels(domain)?))
        }
        _ => None,
    }
}

fn labels(value: &str) -> Option<Vec<Token>> {
    if value.is_empty() || value.len() > 253 {
        return None;
    }
    let lower = value.to_ascii_lowercase();
    lower
        .split('.')
        .map(|label| {
            if label.is_empty() {
                None
            } else {
                Token::parse(label)
            }
        })
        .collect()
}

fn network(value: &str) -> Option<IpNet> {
    value
        .parse::<IpNet>()
        .ok()
        .or_else(|| value.parse::<IpAddr>().ok().map(IpNet::from))
}

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
    fn refuses_what_is_not_a_pattern() {
        for text in [
            "",
            "dns:",
            "dns:a..b",
            "dns:a*.b",
            "ip:10.0.0.0/40",
            "tel:1",
            "email:x",
        ] {
            assert!(text.parse::<Pattern>().is_err(), "{text}");
        }
    }
}
