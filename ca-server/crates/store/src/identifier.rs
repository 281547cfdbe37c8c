//! Identifiers as JSON text in a row: `[{"type":"dns","value":"a.example"}]`.

use ca_pki::Identifier;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::row::{json, unjson};

/// One identifier in a row.
#[derive(Serialize, Deserialize)]
pub(crate) struct IdentifierRow {
    r#type: String,
    value: String,
}

impl From<&Identifier> for IdentifierRow {
    fn from(identifier: &Identifier) -> Self {
        Self {
            r#type: identifier.kind().to_owned(),
            value: identifier.value(),
        }
    }
}

impl TryFrom<IdentifierRow> for Identifier {
    type Error = Error;

    fn try_from(row: IdentifierRow) -> Result<Self, Error> {
        parse(&row.r#type, &row.value)
    }
}

/// Reads an identifier from its two columns.
pub(crate) fn parse(kind: &str, value: &str) -> Result<Identifier, Error> {
    Identifier::parse(kind, value).map_err(|error| Error::Corrupt(error.to_string()))
}

/// Writes a list.
pub(crate) fn to_json(identifiers: &[Identifier]) -> Result<String, Error> {
    let rows: Vec<IdentifierRow> = identifiers.iter().map(IdentifierRow::from).collect();
    json(&rows)
}

/// Reads a list.
pub(crate) fn from_json(text: &str) -> Result<Vec<Identifier>, Error> {
    let rows: Vec<IdentifierRow> = unjson("identifiers", text)?;
    rows.into_iter().map(Identifier::try_from).collect()
}
