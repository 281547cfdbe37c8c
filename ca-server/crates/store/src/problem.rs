//! Problems as JSON text in a row: why an order or a challenge failed.

use std::time::Duration;

use ca_acme::{Problem, ProblemKind};
use ca_pki::Identifier;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::identifier::IdentifierRow;
use crate::row::{json, unjson};

/// A problem in a row. What only the answer to its own request needs (`Location`, algorithms)
/// is not kept.
#[derive(Serialize, Deserialize)]
pub(crate) struct ProblemRow {
    kind: String,
    status: u16,
    detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    identifier: Option<IdentifierRow>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    subproblems: Vec<ProblemRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after_secs: Option<u64>,
}

impl From<&Problem> for ProblemRow {
    fn from(problem: &Problem) -> Self {
        Self {
            kind: problem.kind.name().to_owned(),
            status: problem.status,
            detail: problem.detail.clone(),
            identifier: problem.identifier.as_ref().map(IdentifierRow::from),
            subproblems: problem.subproblems.iter().map(Self::from).collect(),
            retry_after_secs: problem.retry_after.map(|span| span.as_secs()),
        }
    }
}

impl TryFrom<ProblemRow> for Problem {
    type Error = Error;

    fn try_from(row: ProblemRow) -> Result<Self, Error> {
        let kind = ProblemKind::parse(&row.kind)
            .ok_or_else(|| Error::Corrupt(format!("problem kind {:?}", row.kind)))?;
        let mut problem = Self::new(kind, row.detail).with_status(row.status);
        problem.identifier = row.identifier.map(Identifier::try_from).transpose()?;
        problem.retry_after = row.retry_after_secs.map(Duration::from_secs);
        let subproblems = row.subproblems.into_iter().map(Self::try_from);
        problem.subproblems = subproblems.collect::<Result<_, _>>()?;
        Ok(problem)
    }
}

/// Writes a problem.
pub(crate) fn to_json(problem: &Problem) -> Result<String, Error> {
    json(&ProblemRow::from(problem))
}

/// Reads a problem.
pub(crate) fn from_json(text: &str) -> Result<Problem, Error> {
    unjson::<ProblemRow>("problem", text)?.try_into()
}
