//! `/api/v1/docs`: the OpenAPI document for people, made on the server: no script, nothing
//! fetched from anywhere.

mod page;

use std::sync::Arc;

use askama::Template;
use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use utoipa::openapi::OpenApi;

use super::{Api, openapi};

/// The page, made once.
pub(super) struct Page {
    html: Bytes,
    policy: String,
}

/// This description for people
#[utoipa::path(
    get, path = "/docs", operation_id = "docs", tag = openapi::DESCRIPTION, security(()),
    responses((status = 200, description = "A page", body = String, content_type = "text/html")),
)]
pub(super) async fn show(State(api): State<Arc<Api>>) -> impl IntoResponse {
    let page = &api.description().page;
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (CONTENT_SECURITY_POLICY, page.policy.clone()),
    ];
    (headers, page.html.clone())
}

impl Page {
    /// Renders a document.
    pub(super) fn new(document: &OpenApi) -> Self {
        let html = page::Docs::new(document, STYLE).render();
        let style = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
        Self {
            html: html.unwrap_or_default().into(),
            policy: format!(
                "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; \
                 form-action 'none'; frame-ancestors 'none'"
            ),
        }
    }
}

const STYLE: &str = include_str!("../../../templates/docs.css");
