//! Principals in rows: as JSON text, which says who somebody was.

use std::sync::Arc;

use ca_identity::Principal;

use crate::Error;
use crate::row::{json, unjson};

/// Writes the principal of a row that may have one.
pub(crate) fn to_row(principal: Option<&Principal>) -> Result<Option<String>, Error> {
    principal.map(json).transpose()
}

/// Reads the principal of a row that may have one.
pub(crate) fn from_row(what: &str, text: Option<String>) -> Result<Option<Arc<Principal>>, Error> {
    let principal = text.map(|text| unjson(what, &text)).transpose()?;
    Ok(principal.map(Arc::new))
}
