//! Renewal information (RFC 9773), for anybody.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use ca_acme::Acme;
use serde_json::json;

use crate::http::problem::Refusal;

/// Answers GET.
pub(super) async fn show(
    State(acme): State<Arc<Acme>>,
    Path((directory, certificate)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    acme.directory(&directory)?;
    let suggestion = acme.renewal_info(&certificate).await?;
    let body = json!({
        "suggestedWindow": {
            "start": suggestion.start.to_string(),
            "end": suggestion.end.to_string(),
        },
    });
    let headers = [
        (RETRY_AFTER, suggestion.retry_after.as_secs().to_string()),
        (CACHE_CONTROL, MAY_BE_CACHED.to_owned()),
    ];
    Ok((headers, Json(body)).into_response())
}

/// Short, because a revocation moves the window at once.
const MAY_BE_CACHED: &str = "public, max-age=60";
