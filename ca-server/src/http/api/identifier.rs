//! Identifiers as JSON.

use ca_pki::Identifier;
use serde::Serialize;
use utoipa::ToSchema;

/// A name in a certificate.
#[derive(Serialize, ToSchema)]
#[schema(as = Identifier)]
pub(super) struct IdentifierEntry {
    /// `dns`, `ip`, `uri` or `email`.
    #[serde(rename = "type")]
    #[schema(example = "dns")]
    kind: &'static str,
    /// The name.
    #[schema(example = "a.ci.example.internal")]
    value: String,
}

impl From<&Identifier> for IdentifierEntry {
    fn from(identifier: &Identifier) -> Self {
        Self {
            kind: identifier.kind(),
            value: identifier.value(),
        }
    }
}
