//! keyChange (RFC 8555 §7.3.5).

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use ca_acme::Acme;

use super::account;
use super::envelope::ByAccount;
use crate::http::problem::Refusal;

/// Answers keyChange with the account.
pub(super) async fn change(
    State(acme): State<Arc<Acme>>,
    ByAccount(request): ByAccount,
) -> Result<Response, Refusal> {
    let account = acme.change_key(request).await?;
    Ok(account::respond(&acme, StatusCode::OK, &account))
}
