//! What the corridor refuses, in the client's words.

use ca_issuance::{Rule, Violation};

use crate::{Problem, ProblemKind};

/// Joins what the corridor refuses; every broken rule is in a subproblem.
pub(super) fn refusal(violations: &[Violation]) -> Problem {
    let subproblems: Vec<Problem> = violations
        .iter()
        .map(|violation| {
            let mut problem = Problem::new(kind_of(violation.rule), violation.detail.clone());
            problem.identifier.clone_from(&violation.identifier);
            problem
        })
        .collect();
    let kind = subproblems
        .iter()
        .map(|problem| problem.kind)
        .reduce(|first, next| {
            // The client has one thing in its hands to change, and that is the CSR.
            if first == next {
                first
            } else {
                ProblemKind::BadCsr
            }
        })
        .unwrap_or(ProblemKind::BadCsr);
    let details: Vec<&str> = violations
        .iter()
        .map(|violation| violation.detail.as_str())
        .collect();
    let mut joined = Problem::new(kind, details.join("; "));
    joined.subproblems = subproblems;
    joined
}

fn kind_of(rule: Rule) -> ProblemKind {
    match rule {
        Rule::Csr | Rule::Key | Rule::Name | Rule::Subject | Rule::Lint => ProblemKind::BadCsr,
        Rule::Grant => ProblemKind::Unauthorized,
        Rule::Profile => ProblemKind::InvalidProfile,
        Rule::Lifetime => ProblemKind::Malformed,
        Rule::Constraint => ProblemKind::RejectedIdentifier,
    }
}

#[cfg(test)]
mod tests {
    use ca_pki::Identifier;

    use super::*;

    #[test]
    fn lists_every_broken_rule_and_calls_a_mixture_a_bad_csr() {
        let name = Identifier::parse("dns", "a.example").unwrap();
        let violation = |rule, identifier| Violation {
            rule,
            identifier,
            detail: "no".to_owned(),
        };

        let constrained = refusal(&[violation(Rule::Constraint, Some(name.clone()))]);
        let mixed = refusal(&[
            violation(Rule::Key, None),
            violation(Rule::Constraint, Some(name)),
        ]);

        assert_eq!(constrained.kind, ProblemKind::RejectedIdentifier);
        assert_eq!(constrained.subproblems.len(), 1);
        assert_eq!(mixed.kind, ProblemKind::BadCsr);
        assert_eq!(mixed.subproblems.len(), 2);
    }
}
