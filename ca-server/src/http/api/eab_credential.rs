//! `/api/v1/eab-credentials`: keys that bind an ACME account to whoever asks for them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use ca_acme::cursor::Cursor;
use ca_acme::external_account::{ExternalAccountKey, MintRequest, Minted};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{OptionalBody, Parameters};
use super::caller::Caller;
use super::page::{self, Here, Limit, Page};
use super::{Api, example, openapi};
use crate::config::Span;
use crate::http::problem::api::Problem;

/// A credential to be minted.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EabRequest {
    /// The ACME directory; may be left out where only one takes external accounts.
    #[schema(example = "default")]
    directory: Option<String>,
    /// How long it may bind an account, an hour at most; left out, ten minutes.
    #[schema(value_type = Option<String>, example = "10m")]
    lifetime: Option<Span>,
}

/// A credential just minted, with its secret.
#[derive(Serialize, ToSchema)]
pub(super) struct MintedCredential {
    /// For `--eab-kid` or the like.
    #[schema(example = "9f1c…")]
    kid: String,
    /// For `--eab-hmac-key` or the like. It is shown this once.
    #[schema(example = "GJ1k…")]
    hmac_key: String,
    /// The ACME directory.
    #[schema(example = "default")]
    directory: String,
    /// The directory's URL, for `--server` or the like.
    #[schema(example = "https://ca.example.internal:8443/acme/default/directory")]
    acme_directory_url: String,
    /// Until when it may bind an account.
    #[schema(example = example::moment, format = DateTime)]
    expires_at: String,
}

/// Which credentials.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// How many at most.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
    /// Where the page before ended.
    #[serde(default, deserialize_with = "page::parsed")]
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// A credential without its secret.
#[derive(Serialize, ToSchema)]
pub(super) struct EabCredential {
    /// Its key identifier.
    #[schema(example = "9f1c…")]
    kid: String,
    /// The only ACME directory that it works in; null: in each.
    #[schema(example = "default")]
    directory: Option<String>,
    /// For whom accounts act that it binds; null: for themselves.
    #[schema(example = "client:deployer")]
    identity: Option<String>,
    /// What it is for, in an operator's words.
    comment: String,
    /// Whether one account uses it up.
    single_use: bool,
    /// When it was made.
    #[schema(example = example::moment, format = DateTime)]
    created_at: String,
    /// Until when it may bind an account; null: for ever.
    #[schema(example = example::moment, format = DateTime)]
    expires_at: Option<String>,
    /// When it first bound an account; null if it did not.
    #[schema(example = json!(null), format = DateTime)]
    used_at: Option<String>,
    /// When it was revoked; null if it was not.
    #[schema(example = json!(null), format = DateTime)]
    revoked_at: Option<String>,
}

/// Mint a credential for an ACME client
///
/// It binds one account of one directory to the caller, soon. What grants give the caller the
/// account gets without a challenge, for as long as they do.
#[utoipa::path(
    post, path = "/eab-credentials", operation_id = "mint-eab-credential", tag = openapi::ACME,
    request_body(content = Option<EabRequest>),
    responses((status = 201, description = "The credential and its secret", body = MintedCredential,
               headers(("Location" = String, description = "The credential's path")))),
)]
pub(super) async fn mint(
    Caller(caller): Caller,
    State(api): State<Arc<Api>>,
    OptionalBody(request): OptionalBody<EabRequest>,
) -> Result<impl IntoResponse, Problem> {
    let minted = api
        .parts
        .acme
        .mint_external_account_key(&caller, request.into());
    let minted = minted.await?;
    let location = format!("/api/v1/eab-credentials/{}", minted.kid);
    let body = Json(MintedCredential::from(minted));
    Ok((StatusCode::CREATED, [(LOCATION, location)], body))
}

/// Credentials for ACME clients
///
/// Those with a role see all; everyone else sees their own.
#[utoipa::path(
    get, path = "/eab-credentials", operation_id = "list-eab-credentials", tag = openapi::ACME,
    params(Wanted),
    responses((status = 200, description = "Some credentials", body = Page<EabCredential>)),
)]
pub(super) async fn list(
    Caller(caller): Caller,
    State(api): State<Arc<Api>>,
    here: Here,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Response, Problem> {
    let (limit, cursor) = (wanted.limit.0, wanted.cursor);
    let list = api.parts.acme.external_account_keys(&caller, limit, cursor);
    let list = list.await?;
    let items: Vec<EabCredential> = list.keys.into_iter().map(EabCredential::from).collect();
    Ok(here.page(items, list.next))
}

/// One credential
#[utoipa::path(
    get, path = "/eab-credentials/{kid}", operation_id = "show-eab-credential",
    tag = openapi::ACME,
    params(("kid" = String, Path, description = "Its key identifier", example = "9f1c…")),
    responses((status = 200, description = "The credential", body = EabCredential)),
)]
pub(super) async fn show(
    Caller(caller): Caller,
    State(api): State<Arc<Api>>,
    Path(kid): Path<String>,
) -> Result<Json<EabCredential>, Problem> {
    let key = api.parts.acme.external_account_key(&caller, &kid).await?;
    Ok(Json(key.into()))
}

/// Revoke a credential
///
/// It binds no more accounts, and those that it bound get nothing by grants from now on.
#[utoipa::path(
    delete, path = "/eab-credentials/{kid}", operation_id = "revoke-eab-credential",
    tag = openapi::ACME,
    params(("kid" = String, Path, description = "Its key identifier", example = "9f1c…")),
    responses((status = 204, description = "It is revoked")),
)]
pub(super) async fn revoke(
    Caller(caller): Caller,
    State(api): State<Arc<Api>>,
    Path(kid): Path<String>,
) -> Result<StatusCode, Problem> {
    let revoked = api.parts.acme.revoke_external_account_key(&caller, &kid);
    revoked.await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<EabRequest> for MintRequest {
    fn from(request: EabRequest) -> Self {
        Self {
            directory: request.directory,
            lifetime: request.lifetime.map(|span| span.0),
        }
    }
}

impl From<Minted> for MintedCredential {
    fn from(minted: Minted) -> Self {
        Self {
            kid: minted.kid,
            hmac_key: minted.mac_key.expose_secret().to_owned(),
            directory: minted.directory,
            acme_directory_url: minted.directory_url,
            expires_at: minted.expires_at.to_string(),
        }
    }
}

impl From<ExternalAccountKey> for EabCredential {
    fn from(key: ExternalAccountKey) -> Self {
        Self {
            kid: key.kid,
            directory: key.directory,
            identity: key.principal.map(|principal| principal.name()),
            comment: key.comment,
            single_use: key.single_use,
            created_at: key.created_at.to_string(),
            expires_at: key.expires_at.map(|at| at.to_string()),
            used_at: key.used_at.map(|at| at.to_string()),
            revoked_at: key.revoked_at.map(|at| at.to_string()),
        }
    }
}
