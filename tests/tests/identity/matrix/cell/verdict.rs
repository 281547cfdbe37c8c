//! What must come of a cell's request: its answer, and what the audit log tells of it.

use ca_tests::acme::Answer;
use serde_json::{Value, json};

use super::{Cell, Ready};
use crate::matrix::door::Door;
use crate::matrix::row::{Row, has_foothold};
use crate::world::World;

impl Cell {
    /// Says what is wrong with an answer.
    pub(in crate::matrix) fn misjudged(self, answer: &Answer) -> Option<String> {
        let expected = self.expected();
        let refusal = match answer.status {
            200 | 201 => answer.status.to_string(),
            _ => answer.refusal(),
        };
        let fits = refusal == expected && self.is_explained_by(answer);
        (!fits).then(|| format!("{self:?}: not {expected:?}: {refusal} {}", answer.text()))
    }

    fn expected(self) -> &'static str {
        match (self.row, self.door) {
            (Row::Granted, Door::Acme) => "200",
            (Row::Granted, _) => "201",
            (Row::AuditDown, Door::Acme) => "503 serverInternal",
            (Row::AuditDown, _) => "503 busy",
            (_, Door::Acme) => "400 rejectedIdentifier",
            (Row::RevokedCredential, _) => "401 unauthorized",
            (_, _) => "403 refused",
        }
    }

    /// A refusal of the API names the grant that came nearest and the one rule that failed; whoever
    /// has no grant learns of none.
    fn is_explained_by(self, answer: &Answer) -> bool {
        let (Some(rule), false) = (self.row.broken_rule(), self.door == Door::Acme) else {
            return true;
        };
        let problem = answer.json();
        if self.row == Row::NoGrant {
            return problem["violations"].is_null() && problem["nearest_grant"].is_null();
        }
        let grant = self.row.grant(self.holding());
        let violations = problem["violations"].as_array();
        let violations = violations.map(Vec::as_slice).unwrap_or_default();
        problem["nearest_grant"] == grant.as_str()
            && violations.len() == 1
            && violations[0]["rule"] == rule
            && violations[0]["grant"] == grant.as_str()
    }

    /// Says what is missing in the audit log.
    pub(in crate::matrix) async fn unwritten(
        self,
        world: &World,
        ready: &Ready<'_>,
    ) -> Option<String> {
        let actor = &ready.actor;
        let filter = match (self.row, self.door) {
            (_, Door::Acme) => format!("kind=order.refused&actor={actor}"),
            // Whoever shows what is no good any more has not shown to be anybody.
            (Row::RevokedCredential, _) => "kind=login.failed&actor=system".to_owned(),
            (_, _) => format!("kind=certificate.refused&actor={actor}"),
        };
        let events = world.events(&filter).await;
        let address = self.peer().address.map(|address| json!(address));
        let mut own = events
            .iter()
            .filter(|event| Some(&event["details"]["address"]) == address.as_ref());
        let told = own.next();
        let fits = told.is_some_and(|event| self.is_told_by(&event["details"]));
        (!fits).then(|| format!("{self:?}: {filter} does not tell it: {told:?}"))
    }

    fn is_told_by(self, details: &Value) -> bool {
        let Some(rule) = self.row.broken_rule() else {
            let why = [&details["reason"], &details["grants"]];
            let why = why.iter().find_map(|reason| reason.as_str());
            return why.is_some_and(|why| why.contains("revoked") || why.contains("used before"));
        };
        let refusal = match self.door {
            Door::Acme => &details["grants"],
            Door::CiToken | Door::Exchange | Door::Client | Door::Certificate | Door::Renewal => {
                &details["refusal"]
            }
        };
        let own = self.row.grant(self.holding());
        let grants = refusal["grants"].as_array();
        let grants = grants.map(Vec::as_slice).unwrap_or_default();
        if self.row == Row::NoGrant {
            // Every grant is for somebody else, but for the one that gets the job to the door.
            let for_others = |grant: &Value| {
                has_foothold(self.door) && grant["grant"] == "foothold"
                    || rules(grant).contains(&rule)
            };
            return !grants.is_empty() && grants.iter().all(for_others);
        }
        grants
            .iter()
            .any(|grant| grant["grant"] == own.as_str() && rules(grant) == [rule])
    }
}

fn rules(grant: &Value) -> Vec<&str> {
    let failed = grant["failed"].as_array().into_iter().flatten();
    failed
        .filter_map(|failed| failed["rule"].as_str())
        .collect()
}
