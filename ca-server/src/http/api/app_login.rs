//! `/api/authenticate/app`: a login for programs that were written to it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ca_identity::client::ClientCredentials;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::caller::Connection;
use super::{Api, openapi};
use crate::http::problem::api::Problem;

/// A client's id and secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct AppLogin {
    /// The id.
    #[schema(example = "deployer")]
    client_id: String,
    /// The secret.
    #[schema(example = "cas_…", value_type = String)]
    client_secret: SecretString,
}

/// Tokens.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AppTokens {
    /// For `Authorization: Bearer …`; lives 15 minutes.
    #[schema(example = "eyJhbGciOiJFZERTQSJ9…")]
    token: String,
    /// Gets the next tokens at `/oauth2/token`, once.
    #[schema(example = "car_…")]
    refresh_token: String,
}

/// Log in as a client
///
/// The same as `client_credentials` at `/oauth2/token`, in JSON.
#[utoipa::path(
    post, path = "/api/authenticate/app", operation_id = "log-in", tag = openapi::IDENTITY,
    security(()), request_body = AppLogin,
    responses((status = 200, description = "Tokens", body = AppTokens)),
)]
pub(super) async fn log_in(
    State(api): State<Arc<Api>>,
    connection: Connection,
    Body(login): Body<AppLogin>,
) -> Result<Json<AppTokens>, Problem> {
    let (access, peer) = (&api.parts.access, connection.peer());
    let client = access.authenticate_client(login.into(), peer.address);
    let client = client.await?;
    connection.spend(&api, &client.name())?;
    let tokens = access.token_by_client_credentials(client, peer).await?;
    let refresh_token = tokens.refresh_token.unwrap_or_default();
    Ok(Json(AppTokens {
        token: tokens.access_token.expose_secret().to_owned(),
        refresh_token: refresh_token.expose_secret().to_owned(),
    }))
}

impl From<AppLogin> for ClientCredentials {
    fn from(login: AppLogin) -> Self {
        Self {
            unverified_id: login.client_id,
            unverified_secret: login.client_secret,
        }
    }
}
