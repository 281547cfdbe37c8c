//! `/issuers/{issuer}.cer`, `/roots.pem`

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::PkiState;
use super::served::{PEM, Served};

/// Serves the certificate of an issuer or a root: where authorityInfoAccess points (RFC 5280 §4.2.2.1).
pub(super) async fn issuer(
    State(state): State<PkiState>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Response {
    let named = file
        .strip_suffix(".cer")
        .and_then(|name| named(&state, name));
    let Some(der) = named else {
        return StatusCode::NOT_FOUND.into_response();
    };
    Served::timeless(der, "application/pkix-cert").answer(&headers, state.clock.now())
}

fn named(state: &PkiState, name: &str) -> Option<Vec<u8>> {
    if let Some(issuer) = state.issuers.get(name) {
        return Some(issuer.certificate.der().to_vec());
    }
    let roots = state.roots.load();
    Some(roots.named(name)?.certificate.der().to_vec())
}

/// Serves every root.
pub(super) async fn roots(State(state): State<PkiState>, headers: HeaderMap) -> Response {
    let roots: String = state
        .roots
        .load()
        .0
        .iter()
        .map(|root| root.certificate.pem())
        .collect();
    Served::timeless(roots.into_bytes(), PEM).answer(&headers, state.clock.now())
}
