//! Which identifiers an order may name: types, syntax, scope, profile, name constraints.

use std::collections::BTreeSet;
use std::fmt;

use ca_issuance::pattern::Scope;
use ca_issuance::profile::IdentifierKind;
use ca_pki::Identifier;
use ca_pki::certificate::NameConstraints;
use ca_pki::identifier::IdentifierError;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::authorization::ChallengeKind;
use crate::authorization::subject::Subject;
use crate::{Problem, ProblemKind};

/// An identifier as a client wrote it (RFC 8555 §9.7.7).
#[derive(Debug)]
pub(crate) struct UnverifiedIdentifier(Members);

#[derive(Debug, Deserialize)]
struct Members {
    r#type: String,
    value: String,
}

/// What decides over an identifier, gathered from the directory, the profile and the issuer.
#[derive(Debug)]
pub(crate) struct Rules<'a> {
    /// The directory's scope.
    pub(crate) scope: &'a Scope,
    /// The profile's types of identifier.
    pub(crate) kinds: &'a BTreeSet<IdentifierKind>,
    /// The issuer's own name constraints.
    pub(crate) constraints: Option<&'a NameConstraints>,
    /// The challenges that the directory offers.
    pub(crate) challenges: &'a BTreeSet<ChallengeKind>,
    /// What a grant gives: it needs no challenge, and is judged by all else like the rest.
    pub(crate) granted: &'a BTreeSet<Identifier>,
}

impl UnverifiedIdentifier {
    /// Parses the identifier; ACME knows `dns` (RFC 8555) and `ip` (RFC 8738) only.
    pub(crate) fn parse(&self) -> Result<Identifier, Problem> {
        let Members { r#type, value } = &self.0;
        if !matches!(r#type.as_str(), "dns" | "ip") {
            let kind: String = r#type.chars().take(LONGEST_TYPE).collect();
            return Err(Problem::new(
                ProblemKind::UnsupportedIdentifier,
                format!("identifiers of type {kind:?} are not issued here: use dns or ip"),
            ));
        }
        Identifier::parse(r#type, value)
            .map_err(|reason: IdentifierError| Problem::malformed(reason.to_string()))
    }
}

/// Derived, it would read an array of two texts as well.
impl<'de> Deserialize<'de> for UnverifiedIdentifier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = UnverifiedIdentifier;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an identifier: an object with type and value")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
                Members::deserialize(MapAccessDeserializer::new(members)).map(UnverifiedIdentifier)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// A list of identifiers as far as it reads.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// In their order of storage, each once.
    pub(crate) identifiers: Vec<Identifier>,
    /// What is wrong with those that are none.
    pub(crate) unreadable: Vec<Problem>,
}

/// Parses a list of identifiers; one that does not read waits to be refused with what else is.
pub(crate) fn parse_list(unverified: &[UnverifiedIdentifier]) -> Result<Names, Problem> {
    if unverified.is_empty() {
        return Err(Problem::malformed("an order names at least one identifier"));
    }
    let mut identifiers = BTreeSet::new();
    let mut unreadable = Vec::new();
    for one in unverified {
        match one.parse() {
            Ok(identifier) => {
                identifiers.insert(identifier);
            }
            Err(problem) => unreadable.push(problem),
        }
        if identifiers.len() + unreadable.len() > MOST_IDENTIFIERS {
            return Err(Problem::malformed(format!(
                "an order names at most {MOST_IDENTIFIERS} identifiers"
            )));
        }
    }
    Ok(Names {
        identifiers: identifiers.into_iter().collect(),
        unreadable,
    })
}

impl Rules<'_> {
    /// Judges what a client asks for; the refusal lists all that cannot or may not be had.
    pub(crate) fn judge_names(&self, names: &Names) -> Result<(), Problem> {
        let mut refused = names.unreadable.clone();
        refused.extend(self.objections(&names.identifiers));
        refusal(refused).map_or(Ok(()), Err)
    }

    /// Judges every identifier; the refusal names each that may not be had.
    pub(crate) fn judge(&self, identifiers: &[Identifier]) -> Result<(), Problem> {
        refusal(self.objections(identifiers)).map_or(Ok(()), Err)
    }

    fn objections(&self, identifiers: &[Identifier]) -> Vec<Problem> {
        identifiers
            .iter()
            .filter_map(|identifier| {
                let reason = self.objection(identifier)?;
                let detail = format!("{} is refused: {reason}", identifier.value());
                Some(
                    Problem::new(ProblemKind::RejectedIdentifier, detail).about(identifier.clone()),
                )
            })
            .collect()
    }

    fn objection(&self, identifier: &Identifier) -> Option<String> {
        if !self.kinds.contains(&IdentifierKind::of(identifier)) {
            return Some(format!(
                "the profile issues for no identifier of type {}",
                identifier.kind()
            ));
        }
        if let Err(reason) = self.scope.judge(identifier) {
            return Some(reason.to_string());
        }
        if self
            .constraints
            .is_some_and(|constraints| !constraints.allow(identifier))
        {
            return Some("the issuing CA's name constraints exclude it".to_owned());
        }
        if self.granted.contains(identifier) {
            return None;
        }
        let challenges = Subject::of(identifier).challenges(self.challenges);
        challenges.is_empty().then(|| NO_CHALLENGE.to_owned())
    }
}

/// Writes identifiers for an event.
pub(crate) fn texts<'a>(identifiers: impl IntoIterator<Item = &'a Identifier>) -> Vec<String> {
    identifiers.into_iter().map(Identifier::to_string).collect()
}

/// Joins what is wrong with identifiers into one problem with a subproblem for each, even for a
/// single one: `identifier` may stand in subproblems only (RFC 8555 §6.7.1).
pub(crate) fn refusal(refused: Vec<Problem>) -> Option<Problem> {
    let first = refused.first()?;
    let kind = if refused.iter().all(|problem| problem.kind == first.kind) {
        first.kind
    } else {
        ProblemKind::Compound
    };
    let detail = match refused.len() {
        1 => first.detail.clone(),
        many => format!("{many} identifiers are refused, see subproblems"),
    };
    let mut joined = Problem::new(kind, detail);
    joined.subproblems = refused;
    Some(joined)
}

const NO_CHALLENGE: &str =
    "no challenge that can prove it is offered here, and no grant of this account gives it";
/// As many as a CSR may hold.
const MOST_IDENTIFIERS: usize = 100;
const LONGEST_TYPE: usize = 64;

#[cfg(test)]
mod tests {
    use ca_issuance::pattern::Wildcards;
    use ca_pki::certificate::Subtrees;

    use super::*;

    const ALL_CHALLENGES: [ChallengeKind; 3] = [
        ChallengeKind::Http01,
        ChallengeKind::Dns01,
        ChallengeKind::TlsAlpn01,
    ];

    fn identifier((kind, value): &(&str, &str)) -> Identifier {
        Identifier::parse(kind, value).unwrap()
    }

    fn refused(
        challenges: &[ChallengeKind],
        kinds: &[IdentifierKind],
        names: &[(&str, &str)],
    ) -> Vec<String> {
        refused_beside(&[], challenges, kinds, names)
    }

    fn refused_beside(
        granted: &[(&str, &str)],
        challenges: &[ChallengeKind],
        kinds: &[IdentifierKind],
        names: &[(&str, &str)],
    ) -> Vec<String> {
        let scope = Scope {
            allow: vec![
                "dns:**.example".parse().unwrap(),
                "ip:10.0.0.0/8".parse().unwrap(),
            ],
            deny: vec!["dns:vault.example".parse().unwrap()],
            wildcards: Wildcards::Allowed,
        };
        let constraints = NameConstraints {
            permitted: Subtrees::default(),
            excluded: Subtrees {
                dns: vec!["constrained.example".to_owned()],
                ..Subtrees::default()
            },
        };
        let rules = Rules {
            scope: &scope,
            kinds: &kinds.iter().copied().collect(),
            constraints: Some(&constraints),
            challenges: &challenges.iter().copied().collect(),
            granted: &granted.iter().map(identifier).collect(),
        };
        let identifiers: Vec<Identifier> = names.iter().map(identifier).collect();

        match rules.judge(&identifiers) {
            Ok(()) => Vec::new(),
            Err(problem) => {
                assert_eq!(problem.kind, ProblemKind::RejectedIdentifier);
                assert_eq!(
                    problem.identifier, None,
                    "only subproblems name identifiers"
                );
                let about = |one: &Problem| one.identifier.as_ref().map(Identifier::value);
                problem.subproblems.iter().filter_map(about).collect()
            }
        }
    }

    #[test]
    fn names_each_identifier_that_may_not_be_had_and_no_other() {
        let both = [IdentifierKind::Dns, IdentifierKind::Ip];

        let values = refused(
            &ALL_CHALLENGES,
            &both,
            &[
                ("dns", "a.example"),
                ("dns", "*.a.example"),
                ("dns", "a.elsewhere"),
                ("dns", "vault.example"),
                ("dns", "x.constrained.example"),
                ("ip", "10.1.2.3"),
                ("ip", "11.1.2.3"),
            ],
        );

        assert_eq!(
            values,
            [
                "a.elsewhere",
                "vault.example",
                "x.constrained.example",
                "11.1.2.3"
            ]
        );
    }

    #[test]
    fn a_single_refusal_still_comes_as_a_subproblem() {
        let values = refused(
            &ALL_CHALLENGES,
            &[IdentifierKind::Dns],
            &[("dns", "a.elsewhere")],
        );

        assert_eq!(values, ["a.elsewhere"]);
    }

    #[test]
    fn refuses_types_that_the_profile_leaves_out() {
        let values = refused(
            &ALL_CHALLENGES,
            &[IdentifierKind::Dns],
            &[("ip", "10.1.2.3")],
        );

        assert_eq!(values, ["10.1.2.3"]);
    }

    #[test]
    fn refuses_what_no_offered_challenge_can_prove() {
        let kinds = [IdentifierKind::Dns, IdentifierKind::Ip];
        let names = [
            ("dns", "a.example"),
            ("dns", "*.a.example"),
            ("ip", "10.1.2.3"),
        ];

        assert_eq!(
            refused(&[ChallengeKind::Http01], &kinds, &names),
            ["*.a.example"]
        );
        assert_eq!(
            refused(&[ChallengeKind::Dns01], &kinds, &names),
            ["10.1.2.3"]
        );
    }
    #[test]
    fn granted_names_need_no_challenge_and_break_no_other_rule() {
        let names = [
            ("dns", "a.example"),
            ("dns", "b.example"),
            ("dns", "vault.example"),
            ("ip", "10.1.2.3"),
        ];

        let refused = refused_beside(
            &[names[0], names[2], names[3]],
            &[],
            &[IdentifierKind::Dns],
            &names,
        );

        assert_eq!(refused, ["b.example", "vault.example", "10.1.2.3"]);
    }
}
