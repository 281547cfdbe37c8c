//! `/issuers/{issuer}.cer`, `/roots.pem`

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use ca_pki::Certificate;

use super::PkiState;
use super::served::{PEM, Served};

/// Serves an issuer's certificate: where authorityInfoAccess points (RFC 5280 §4.2.2.1).
pub(super) async fn issuer(
    State(state): State<PkiState>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Response {
    let issuer = file
        .strip_suffix(".cer")
        .and_then(|name| state.issuers.get(name));
    let Some(issuer) = issuer else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let der = issuer.certificate.der().to_vec();
    Served::timeless(der, "application/pkix-cert").answer(&headers, state.clock.now())
}

/// Serves every root.
pub(super) async fn roots(State(state): State<PkiState>, headers: HeaderMap) -> Response {
    let roots: String = state
        .roots
        .load()
        .certificates
        .iter()
        .map(Certificate::pem)
        .collect();
    Served::timeless(roots.into_bytes(), PEM).answer(&headers, state.clock.now())
}
