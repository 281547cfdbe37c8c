//! What the audit log keeps of orders that were refused.

use std::collections::BTreeSet;

use ca_issuance::IssuanceError;
use ca_issuance::audit::{Event, EventKind};
use ca_pki::Identifier;
use serde_json::{Value, json};

use crate::acme::Acme;
use crate::grant::Asked;
use crate::identifier::texts;
use crate::order::request::OrderRequest;
use crate::request::AccountRequest;
use crate::{Error, Problem, ProblemKind};

impl Acme {
    /// Writes down a refused order and every reason, if somebody decided it: what does not read
    /// and what comes too often is no decision about names.
    pub(super) async fn note_refused_order(
        &self,
        request: &AccountRequest,
        asked: &OrderRequest,
        problem: &Problem,
    ) -> Result<(), Error> {
        if !is_decision(problem) {
            return Ok(());
        }
        let account = &request.account;
        let event = Event {
            at: self.now(),
            kind: EventKind::OrderRefused,
            actor: account.actor(),
            subject: account.id.clone(),
            details: json!({
                "directory": account.directory,
                "address": request.address,
                "profile": asked.profile,
                "identifiers": texts(&asked.names.identifiers),
                "violations": violations(problem),
                "grants": self.grants_against(request, asked).await?,
            }),
        };
        let ledger = self.corridor.ledger();
        Ok(ledger
            .append_event(event)
            .await
            .map_err(IssuanceError::from)?)
    }

    /// Says which rules of which grants kept the order from being granted as a whole.
    async fn grants_against(
        &self,
        request: &AccountRequest,
        asked: &OrderRequest,
    ) -> Result<Option<Value>, Error> {
        if request.account.principal.is_none() {
            return Ok(None);
        }
        let default = &request.directory.default_profile;
        let identifiers: BTreeSet<Identifier> = asked.names.identifiers.iter().cloned().collect();
        let asked = Asked {
            profile: asked.profile.as_deref().unwrap_or(default),
            identifiers: &identifiers,
            address: request.address,
        };
        let judged = self.judge_granted(&request.account, asked).await?;
        Ok(judged.err().map(|withdrawn| withdrawn.to_json()))
    }
}

fn is_decision(problem: &Problem) -> bool {
    let decisive = |kind: ProblemKind| {
        matches!(
            kind,
            ProblemKind::RejectedIdentifier
                | ProblemKind::UnsupportedIdentifier
                | ProblemKind::InvalidProfile
                | ProblemKind::AlreadyReplaced
                | ProblemKind::Unauthorized
        )
    };
    decisive(problem.kind) || problem.subproblems.iter().any(|one| decisive(one.kind))
}

fn violations(problem: &Problem) -> Vec<String> {
    match problem.subproblems.as_slice() {
        [] => vec![problem.to_string()],
        subproblems => subproblems.iter().map(Problem::to_string).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_name_is_a_decision_and_an_unreadable_one_is_not() {
        let mut mixed = Problem::new(ProblemKind::Compound, "two");
        mixed.subproblems = vec![
            Problem::malformed("unreadable"),
            Problem::new(ProblemKind::RejectedIdentifier, "not here"),
        ];

        assert!(is_decision(&mixed));
        assert_eq!(
            violations(&mixed),
            ["malformed: unreadable", "rejectedIdentifier: not here"]
        );
        assert!(!is_decision(&Problem::malformed("unreadable")));
        assert!(!is_decision(&Problem::new(
            ProblemKind::RateLimited,
            "later"
        )));
    }
}
