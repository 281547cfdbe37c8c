//! `[[operator]]`

use ca_identity::Role;
use ca_identity::grant::{KnownNames, WhoSpec};
use ca_identity::operator::OperatorRule;
use serde::{Deserialize, Serialize};

use super::duplicates;

/// Who has a role. Operator tokens carry their own.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorSection {
    /// Its name in logs and events.
    pub name: String,
    /// `admin`: everything. `operator`: sees certificates, orders and accounts, revokes any, mints
    /// keys for external account binding. `auditor`: reads everything, changes nothing.
    pub role: String,
    /// To whom: `{ oidc = "…", claims = { … } }`, `{ client = "…" }` or `{ certificate = "…" }`,
    /// as in grants.
    pub who: WhoSpec,
}

impl OperatorSection {
    /// Converts to the form that ca-identity works with; `Err` lists what is wrong.
    pub fn to_rule(&self) -> Result<OperatorRule, Vec<String>> {
        let mut faults = Vec::new();
        let role = Role::parse(&self.role);
        if role.is_none() {
            let fault = format!("role {:?} is not admin, operator or auditor", self.role);
            faults.push(fault);
        }
        if self.who.role.is_some() {
            faults.push("who: a role cannot be had by having a role".to_owned());
        }
        let who = match self.who.compile() {
            Ok(who) => Some(who),
            Err(more) => {
                faults.extend(more);
                None
            }
        };
        match (role, who) {
            (Some(role), Some(who)) if faults.is_empty() => Ok(OperatorRule {
                name: self.name.clone(),
                role,
                who,
            }),
            (_, _) => Err(self.named(faults)),
        }
    }

    fn named(&self, faults: Vec<String>) -> Vec<String> {
        faults
            .into_iter()
            .map(|fault| format!("operator {}: {fault}", self.name))
            .collect()
    }
}

/// Lists what is wrong with the rules.
pub(super) fn faults(operators: &[OperatorSection], known: &KnownNames) -> Vec<String> {
    let mut faults = duplicates("operator", operators.iter().map(|operator| &operator.name));
    for operator in operators {
        faults.extend(operator.named(operator.who.unknown(known).into_iter().collect()));
        if let Err(more) = operator.to_rule() {
            faults.extend(more);
        }
    }
    faults
}
