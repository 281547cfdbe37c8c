//! `/api/v1/certificates`: issue, renew, revoke, find.

mod document;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use ca_identity::certificate::{Answered, CertificateRequest, Freshness, RenewalRequest};
use ca_pki::Serial;
use ca_pki::crl::RevocationReason;

use self::document::{CertificateEntry, IssueRequest, RenewRequest, RevokeRequest, Wanted};
use super::body::{Body, IdempotencyKey, OptionalBody, Parameters};
use super::caller::Caller;
use super::page::{Here, Page};
use super::{Api, example, openapi};
use crate::http::problem::api::Problem;

/// Issue a certificate
///
/// One grant of the caller must cover the whole request: profile, every name, network, time. A
/// lifetime over what grant or profile allow is cut to it, and `warnings` say so. The same request
/// under the same `Idempotency-Key` is answered with the same certificate, for a day.
#[utoipa::path(
    post, path = "/certificates", operation_id = "issue-certificate", tag = openapi::CERTIFICATES,
    params(("Idempotency-Key" = Option<String>, Header, description = KEY_ABOUT,
            pattern = "^[!-~]{1,255}$")),
    request_body = IssueRequest,
    responses(
        (status = 201, description = "A new certificate", body = CertificateEntry,
         headers(("Location" = String, description = "The certificate's path"))),
        (status = 200, description = "What this request was answered with before",
         body = CertificateEntry),
    ),
)]
pub(super) async fn issue(
    Caller(caller): Caller,
    State(api): State<Arc<Api>>,
    IdempotencyKey(key): IdempotencyKey,
    Body(request): Body<IssueRequest>,
) -> Result<Response, Problem> {
    let request = CertificateRequest {
        unverified_csr: request.csr,
        profile: request.profile,
        lifetime: request.lifetime.map(|span| span.0),
        idempotency_key: key,
    };
    let answered = api.parts.access.issue(&caller, request).await?;
    Ok(api.answer(answered))
}

/// Renew the certificate on the connection
///
/// Names and profile stay, the key must be new, and the grants of whoever asked for the
/// certificate must still allow it. The certificate to renew is the TLS client certificate.
#[utoipa::path(
    post, path = "/certificates/renew", operation_id = "renew-certificate",
    tag = openapi::CERTIFICATES,
    params(("Idempotency-Key" = Option<String>, Header, description = KEY_ABOUT,
            pattern = "^[!-~]{1,255}$")),
    request_body = RenewRequest,
    responses(
        (status = 201, description = "A new certificate", body = CertificateEntry,
         headers(("Location" = String, description = "The certificate's path"))),
        (status = 200, description = "What this request was answered with before",
         body = CertificateEntry),
    ),
)]
pub(super) async fn renew(
    Caller(caller): Caller,
    State(api): State<Arc<Api>>,
    IdempotencyKey(key): IdempotencyKey,
    Body(request): Body<RenewRequest>,
) -> Result<Response, Problem> {
    let request = RenewalRequest {
        unverified_csr: request.csr,
        lifetime: request.lifetime.map(|span| span.0),
        idempotency_key: key,
    };
    let answered = api.parts.access.renew(&caller, request).await?;
    Ok(api.answer(answered))
}

/// Certificates
///
/// Those with a role see all; everyone else sees what they asked for themselves.
#[utoipa::path(
    get, path = "/certificates", operation_id = "list-certificates", tag = openapi::CERTIFICATES,
    params(Wanted),
    responses((status = 200, description = "Some certificates", body = Page<CertificateEntry>)),
)]
pub(super) async fn list(
    Caller(caller): Caller,
    State(api): State<Arc<Api>>,
    here: Here,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Response, Problem> {
    let page = api
        .parts
        .access
        .certificates(&caller, wanted.into())
        .await?;
    let listed = page
        .certificates
        .into_iter()
        .filter_map(|record| api.listed(record));
    Ok(here.page(listed.collect(), page.next))
}

/// One certificate
#[utoipa::path(
    get, path = "/certificates/{serial}", operation_id = "show-certificate",
    tag = openapi::CERTIFICATES,
    params(("serial" = String, Path, description = "The serial in hex", example = example::serial)),
    responses((status = 200, description = "The certificate", body = CertificateEntry)),
)]
pub(super) async fn show(
    Caller(caller): Caller,
    State(api): State<Arc<Api>>,
    Path(serial): Path<String>,
) -> Result<Json<CertificateEntry>, Problem> {
    let serial = Serial::parse_hex(&serial).map_err(|_| Problem::not_found())?;
    let answered = api.parts.access.certificate(&caller, &serial).await?;
    Ok(Json(api.entry(answered)))
}

/// Revoke a certificate
///
/// Whoever asked for it, whoever holds it, and operators may. Doing it again changes nothing.
#[utoipa::path(
    post, path = "/certificates/{serial}/revoke", operation_id = "revoke-certificate",
    tag = openapi::CERTIFICATES,
    params(("serial" = String, Path, description = "The serial in hex", example = example::serial)),
    request_body(content = Option<RevokeRequest>),
    responses((status = 200, description = "It is revoked", body = CertificateEntry)),
)]
pub(super) async fn revoke(
    Caller(caller): Caller,
    State(api): State<Arc<Api>>,
    Path(serial): Path<String>,
    OptionalBody(request): OptionalBody<RevokeRequest>,
) -> Result<Json<CertificateEntry>, Problem> {
    let serial = Serial::parse_hex(&serial).map_err(|_| Problem::not_found())?;
    let given = request.reason.map(RevocationReason::from);
    let reason = given.unwrap_or(RevocationReason::Unspecified);
    let answered = api.parts.access.revoke(&caller, &serial, reason).await?;
    Ok(Json(api.entry(answered)))
}

impl Api {
    fn answer(&self, answered: Answered) -> Response {
        let freshness = answered.freshness;
        let location = format!("/api/v1/certificates/{}", answered.record.serial);
        let body = Json(self.entry(answered));
        match freshness {
            Freshness::Issued => {
                (StatusCode::CREATED, [(LOCATION, location)], body).into_response()
            }
            Freshness::Stored => body.into_response(),
        }
    }
}

const KEY_ABOUT: &str = "1 to 255 visible ASCII characters, fresh for each request that is no \
                         repetition";
