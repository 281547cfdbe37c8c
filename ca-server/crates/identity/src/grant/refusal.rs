//! Refusals: which rules of which grants failed, and who may learn of it.

use ca_pki::Identifier;
use serde_json::{Value, json};

/// Every rule that failed, grant by grant.
///
/// Names and patterns of grants say who may have what. The caller learns only of grants that are
/// meant for it ([`Refusal::for_caller`]); the audit log and operators learn of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    failures: Vec<GrantFailure>,
}

/// The rules of one grant that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantFailure {
    /// The grant's name.
    pub grant: String,
    /// Whether the grant is for the caller at all.
    pub addressee: Addressee,
    /// What failed, at least one.
    pub rules: Vec<FailedRule>,
}

/// Whom a grant is for, seen from a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Addressee {
    /// The caller.
    Caller,
    /// Somebody else.
    SomebodyElse,
}

/// One rule that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedRule {
    /// Which.
    pub rule: GrantRule,
    /// The name that it is about.
    pub identifier: Option<Identifier>,
    /// What was asked and what is allowed.
    pub detail: String,
}

/// A rule of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GrantRule {
    /// Who may use it.
    Who,
    /// Which profiles.
    Profile,
    /// Which identifiers.
    Identifier,
    /// From which networks.
    Network,
    /// Until when.
    Expiry,
    /// How often.
    Uses,
    /// A subject that cannot be filled in.
    Subject,
}

/// What a caller may learn of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerRefusal<'a> {
    /// The grants that are meant for the caller, in the order in which they are looked at.
    pub failures: Vec<&'a GrantFailure>,
    /// The one of them that came nearest.
    pub nearest: Option<&'a str>,
}

impl Refusal {
    pub(super) fn new(failures: Vec<GrantFailure>) -> Self {
        Self { failures }
    }

    /// Returns every grant's failures, for the audit log and for operators.
    pub fn failures(&self) -> &[GrantFailure] {
        &self.failures
    }

    /// Names the grant that came nearest: the fewest rules failed, and one that is for the caller
    /// is always nearer than one that is not. Not for the caller's eyes.
    pub fn nearest(&self) -> Option<&str> {
        nearest(self.failures.iter())
    }

    /// Returns what the caller may learn.
    pub fn for_caller(&self) -> CallerRefusal<'_> {
        let failures: Vec<&GrantFailure> = self
            .failures
            .iter()
            .filter(|failure| failure.addressee == Addressee::Caller)
            .collect();
        let nearest = nearest(failures.iter().copied());
        CallerRefusal { failures, nearest }
    }

    /// Returns the refusal as JSON, for an event's details: the nearest grants, and how many more
    /// there are. Anybody with a token of a public CI service can be refused as often as they like,
    /// and what a log keeps of it must not grow with every grant times every name.
    pub fn to_json(&self) -> Value {
        let mut by_distance: Vec<&GrantFailure> = self.failures.iter().collect();
        by_distance.sort_by_key(|failure| failure.distance());
        let told = by_distance.iter().take(MOST_TOLD);
        let told: Vec<Value> = told.map(|failure| failure.to_json()).collect();
        let left_out = self.failures.len() - told.len();
        json!({ "nearest_grant": self.nearest(), "grants": told, "grants_left_out": left_out })
    }
}

impl GrantFailure {
    /// Less is nearer: one that is for the caller, then one of which few kinds of rules failed.
    fn distance(&self) -> (Addressee, usize, usize) {
        let mut kinds: Vec<GrantRule> = self.rules.iter().map(|it| it.rule).collect();
        kinds.sort_unstable();
        kinds.dedup();
        (self.addressee, kinds.len(), self.rules.len())
    }

    /// Of a grant for somebody else it says why it is not the caller's, and no more.
    fn to_json(&self) -> Value {
        let told = self.rules.iter().filter(|failed| match self.addressee {
            Addressee::Caller => true,
            Addressee::SomebodyElse => failed.rule == GrantRule::Who,
        });
        let rules: Vec<Value> = told.map(FailedRule::to_json).collect();
        json!({ "grant": self.grant, "failed": rules })
    }
}

impl FailedRule {
    pub(super) fn new(rule: GrantRule, detail: impl Into<String>) -> Self {
        Self {
            rule,
            identifier: None,
            detail: detail.into(),
        }
    }

    pub(super) fn about(identifier: &Identifier, detail: impl Into<String>) -> Self {
        Self {
            rule: GrantRule::Identifier,
            identifier: Some(identifier.clone()),
            detail: detail.into(),
        }
    }

    /// Returns the rule as JSON: `rule`, `detail` and, where it is about one, `identifier`.
    pub fn to_json(&self) -> Value {
        let mut shown = json!({ "rule": self.rule.name(), "detail": self.detail });
        if let (Some(identifier), Value::Object(members)) = (&self.identifier, &mut shown) {
            members.insert("identifier".to_owned(), identifier.to_string().into());
        }
        shown
    }
}

impl GrantRule {
    /// Returns the name that answers and events use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Who => "who",
            Self::Profile => "profile",
            Self::Identifier => "identifier",
            Self::Network => "network",
            Self::Expiry => "expiry",
            Self::Uses => "uses",
            Self::Subject => "subject",
        }
    }
}

/// Of grants that failed equally often the first one is nearest.
fn nearest<'a>(failures: impl Iterator<Item = &'a GrantFailure>) -> Option<&'a str> {
    failures
        .min_by_key(|failure| failure.distance())
        .map(|failure| failure.grant.as_str())
}

/// How many grants an event tells of.
const MOST_TOLD: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(grant: usize, addressee: Addressee) -> GrantFailure {
        let name = Identifier::parse("dns", "a.example.internal").unwrap();
        GrantFailure {
            grant: format!("grant-{grant}"),
            addressee,
            rules: vec![
                FailedRule::new(GrantRule::Who, "it is for somebody else"),
                FailedRule::about(&name, "it is not covered"),
            ],
        }
    }

    #[test]
    fn tells_the_log_of_the_nearest_grants_and_how_many_more_there_are() {
        let others = (0..40).map(|grant| failure(grant, Addressee::SomebodyElse));
        let own = failure(40, Addressee::Caller);

        let told = Refusal::new(others.chain([own]).collect()).to_json();

        assert_eq!(told["nearest_grant"], "grant-40");
        assert_eq!(told["grants"].as_array().unwrap().len(), MOST_TOLD);
        assert_eq!(told["grants"][0]["failed"].as_array().unwrap().len(), 2);
        assert_eq!(told["grants"][1]["failed"].as_array().unwrap().len(), 1);
        assert_eq!(told["grants_left_out"], 25);
    }
}
