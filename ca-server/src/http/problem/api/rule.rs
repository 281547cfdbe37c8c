//! Broken rules: of grants, of profile and issuer.

use ca_identity::grant::GrantFailure;
use ca_issuance::{Rule, Violation};
use serde::Serialize;
use utoipa::ToSchema;

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct BrokenRule {
    /// The grant whose rule it is; left out for rules of profile and issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) grant: Option<String>,
    /// Which rule.
    #[schema(example = "identifiers")]
    pub(crate) rule: &'static str,
    /// The name that it is about, with its type: `dns:a.example.internal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) identifier: Option<String>,
    /// What is wrong and what to do.
    pub(crate) detail: String,
}

impl From<&Violation> for BrokenRule {
    fn from(violation: &Violation) -> Self {
        Self {
            grant: None,
            rule: rule_name(violation.rule),
            identifier: violation.identifier.as_ref().map(ToString::to_string),
            detail: violation.detail.clone(),
        }
    }
}

/// Lists the rules of a grant that were broken.
pub(super) fn broken_rules(failure: &GrantFailure) -> impl Iterator<Item = BrokenRule> {
    failure.rules.iter().map(|failed| BrokenRule {
        grant: Some(failure.grant.clone()),
        rule: failed.rule.name(),
        identifier: failed.identifier.as_ref().map(ToString::to_string),
        detail: failed.detail.clone(),
    })
}

fn rule_name(rule: Rule) -> &'static str {
    match rule {
        Rule::Csr => "csr",
        Rule::Key => "key",
        Rule::Name => "name",
        Rule::Profile => "profile",
        Rule::Lifetime => "lifetime",
        Rule::Constraint => "constraint",
        Rule::Subject => "subject",
        Rule::Grant => "grant",
        Rule::Lint => "lint",
    }
}
