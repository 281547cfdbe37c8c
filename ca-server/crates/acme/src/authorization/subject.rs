//! What an authorization is about, and how that can be proven.

use std::collections::BTreeSet;

use ca_pki::Identifier;

use crate::authorization::{Authorization, ChallengeKind};

/// The subject of an authorization: an identifier, or every name directly below one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The identifier, for a wildcard without its `*.` (RFC 8555 §7.1.4).
    pub(crate) identifier: Identifier,
    /// Whether it stands for `*.identifier`.
    pub(crate) wildcard: bool,
}

impl Subject {
    /// Returns what has to be authorized for an identifier of an order.
    pub(crate) fn of(ordered: &Identifier) -> Self {
        match ordered {
            Identifier::Dns(name) if name.is_wildcard() => Self {
                identifier: name
                    .base()
                    .parse()
                    .map_or_else(|_never_a_name| ordered.clone(), Identifier::Dns),
                wildcard: true,
            },
            Identifier::Dns(_) | Identifier::Ip(_) | Identifier::Uri(_) | Identifier::Email(_) => {
                Self {
                    identifier: ordered.clone(),
                    wildcard: false,
                }
            }
        }
    }

    /// Returns whether an authorization is about this.
    pub(crate) fn matches(&self, authorization: &Authorization) -> bool {
        self.identifier == authorization.identifier && self.wildcard == authorization.wildcard
    }

    /// Returns the challenges among `configured` that prove it: a wildcard only dns-01
    /// (RFC 8555 §7.1.3), an address never dns-01 (RFC 8738 §7).
    pub(crate) fn challenges(&self, configured: &BTreeSet<ChallengeKind>) -> Vec<ChallengeKind> {
        configured
            .iter()
            .copied()
            .filter(|kind| self.can_be_proven_by(*kind))
            .collect()
    }

    fn can_be_proven_by(&self, kind: ChallengeKind) -> bool {
        match (&self.identifier, kind) {
            (Identifier::Dns(_), ChallengeKind::Dns01) => true,
            (Identifier::Dns(_), ChallengeKind::Http01 | ChallengeKind::TlsAlpn01) => {
                !self.wildcard
            }
            (Identifier::Ip(_), ChallengeKind::Http01 | ChallengeKind::TlsAlpn01) => true,
            (Identifier::Ip(_), ChallengeKind::Dns01)
            | (Identifier::Uri(_) | Identifier::Email(_), _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use ChallengeKind::{Dns01, Http01, TlsAlpn01};

    use super::*;

    #[test]
    fn offers_each_kind_of_identifier_its_own_challenges() {
        let configured = BTreeSet::from([Http01, Dns01, TlsAlpn01]);
        let cases: [(&str, &str, &[ChallengeKind]); 4] = [
            ("dns", "a.example", &[Http01, Dns01, TlsAlpn01]),
            ("dns", "*.a.example", &[Dns01]),
            ("ip", "10.0.0.1", &[Http01, TlsAlpn01]),
            ("ip", "fd00::1", &[Http01, TlsAlpn01]),
        ];

        for (kind, value, expected) in cases {
            let subject = Subject::of(&Identifier::parse(kind, value).unwrap());
            assert_eq!(subject.challenges(&configured), expected, "{value}");
        }
    }

    #[test]
    fn a_wildcard_and_its_base_are_two_subjects_about_one_name() {
        let wildcard = Subject::of(&Identifier::parse("dns", "*.a.example").unwrap());
        let base = Subject::of(&Identifier::parse("dns", "a.example").unwrap());

        assert_eq!(wildcard.identifier, base.identifier);
        assert_ne!(wildcard, base);
    }
}
