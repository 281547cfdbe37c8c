//! The ops listener: liveness, readiness, metrics.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::future::BoxFuture;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;

/// One thing that must work for the server to be of use.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Check {
    /// What was checked.
    pub(crate) name: String,
    /// Whether it works.
    pub(crate) ok: bool,
    /// Whether an operator should look though the server is of use.
    pub(crate) degraded: bool,
    /// What was found, for the operator.
    pub(crate) detail: String,
}

/// What the ops routes need.
#[derive(Clone)]
pub(crate) struct OpsState {
    /// Renders the metrics.
    pub(crate) metrics: PrometheusHandle,
    /// Runs every check.
    pub(crate) checks: Arc<dyn Fn() -> BoxFuture<'static, Vec<Check>> + Send + Sync>,
}

/// Returns the ops routes.
pub(crate) fn router(state: OpsState) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics_text))
        .with_state(state)
}

/// Answers as long as the process turns.
async fn healthz() -> &'static str {
    "ok\n"
}

/// 200 when every check holds, else 503; the checks either way.
async fn readyz(State(state): State<OpsState>) -> Response {
    let checks = (state.checks)().await;
    let ready = checks.iter().all(|check| check.ok);
    let degraded = checks.iter().any(|check| check.degraded);
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        Json(serde_json::json!({ "ready": ready, "degraded": degraded, "checks": checks })),
    )
        .into_response()
}

async fn metrics_text(State(state): State<OpsState>) -> Response {
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    (
        [(header::CONTENT_TYPE, content_type)],
        state.metrics.render(),
    )
        .into_response()
}
