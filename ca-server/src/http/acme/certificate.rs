//! Certificates and their chains (RFC 8555 §7.4.2).

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_TYPE, LINK};
use axum::response::{IntoResponse, Response};
use ca_acme::request::AccountRequest;
use ca_acme::{Acme, Problem};

use super::envelope::ByAccount;
use super::headers::link;
use crate::http::problem::Refusal;

/// Answers POST-as-GET for the default chain.
pub(super) async fn show(
    State(acme): State<Arc<Acme>>,
    Path((_directory, order)): Path<(String, String)>,
    ByAccount(request): ByAccount,
) -> Result<Response, Refusal> {
    download(&acme, &request, &order, DEFAULT_CHAIN).await
}

/// Answers POST-as-GET for an alternate chain, numbered from 1.
pub(super) async fn show_alternate(
    State(acme): State<Arc<Acme>>,
    Path((_directory, order, number)): Path<(String, String, String)>,
    ByAccount(request): ByAccount,
) -> Result<Response, Refusal> {
    let chain = number
        .parse()
        .ok()
        .filter(|chain: &usize| *chain != DEFAULT_CHAIN && chain.to_string() == number)
        .ok_or_else(|| Problem::malformed("there is no such chain").with_status(404))?;
    download(&acme, &request, &order, chain).await
}

async fn download(
    acme: &Acme,
    request: &AccountRequest,
    order: &str,
    chain: usize,
) -> Result<Response, Refusal> {
    request.payload.require_empty()?;
    let download = acme.certificate(request, order, chain).await?;
    let mut response = download.pem.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    for other in (DEFAULT_CHAIN..=download.alternates).filter(|other| *other != chain) {
        let directory = &request.directory.name;
        let url = match other {
            DEFAULT_CHAIN => acme.urls().certificate(directory, order),
            number => acme.urls().alternate_certificate(directory, order, number),
        };
        if let Some(alternate) = link(&url, "alternate") {
            headers.append(LINK, alternate);
        }
    }
    Ok(response)
}

const DEFAULT_CHAIN: usize = 0;
const MEDIA_TYPE: &str = "application/pem-certificate-chain";
