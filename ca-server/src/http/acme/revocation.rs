//! revokeCert (RFC 8555 §7.6).

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use ca_acme::Acme;

use super::envelope::ByEither;
use crate::http::problem::Refusal;

/// Answers revokeCert.
pub(super) async fn revoke(
    State(acme): State<Arc<Acme>>,
    ByEither(request): ByEither,
) -> Result<StatusCode, Refusal> {
    acme.revoke_certificate(request).await?;
    Ok(StatusCode::OK)
}
