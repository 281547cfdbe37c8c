//! `/oauth2/…`: tokens for credentials (RFC 6749, RFC 7009, RFC 8693).

mod form;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ca_identity::client::{AuthenticatedClient, ClientCredentials};
use ca_identity::operator::OPERATOR_TOKEN_PREFIX;
use ca_identity::session::Tokens;
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

use self::form::{ClientForm, Form};
use super::caller::Connection;
use super::{Api, openapi};
use crate::http::problem::oauth::{Code, Document, OAuthRefusal};

/// What is asked of the token endpoint. Parameters that are not known are ignored.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes the form; `Form` reads it by RFC 6749's rules"
)]
struct TokenForm {
    /// `client_credentials`, `refresh_token` or
    /// `urn:ietf:params:oauth:grant-type:token-exchange`.
    #[schema(example = "client_credentials")]
    grant_type: String,
    /// The client, unless HTTP Basic says it.
    #[schema(example = "deployer")]
    client_id: Option<String>,
    /// Its secret, unless HTTP Basic says it.
    #[schema(example = "cas_…")]
    client_secret: Option<String>,
    /// For `refresh_token`: the last one.
    refresh_token: Option<String>,
    /// For token exchange: the OIDC token of a CI job.
    subject_token: Option<String>,
    /// For token exchange: `urn:ietf:params:oauth:token-type:id_token` or `…:jwt`.
    subject_token_type: Option<String>,
}

/// What is asked of the revocation endpoint. Parameters that are not known are ignored.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes the form; `Form` reads it by RFC 6749's rules"
)]
struct RevocationForm {
    /// An access or refresh token.
    token: String,
    /// The client, unless HTTP Basic says it.
    client_id: Option<String>,
    /// Its secret, unless HTTP Basic says it.
    client_secret: Option<String>,
}

/// Tokens (RFC 6749 §5.1).
#[derive(Serialize, ToSchema)]
pub(super) struct TokenResponse {
    /// For `Authorization: Bearer …`.
    #[schema(example = "eyJhbGciOiJFZERTQSJ9…")]
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// How many seconds the access token lives.
    #[schema(example = 900)]
    expires_in: u64,
    /// Gets the next tokens, once; left out after a token exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "car_…")]
    refresh_token: Option<String>,
    /// `urn:ietf:params:oauth:token-type:access_token`, after a token exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    issued_token_type: Option<&'static str>,
}

/// Get an access token
///
/// For a client's secret, for a refresh token, or (RFC 8693) for the OIDC token of a CI job. With
/// a client certificate on the connection the tokens are bound to it (RFC 8705).
#[utoipa::path(
    post, path = "/token", operation_id = "get-token", tag = openapi::IDENTITY, security(()),
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Tokens", body = TokenResponse),
        (status = 400, description = "The request or a token in it is wrong", body = Document),
        (status = 401, description = "The client's id or secret is wrong", body = Document),
    ),
)]
pub(super) async fn issue(
    State(api): State<Arc<Api>>,
    connection: Connection,
    form: Form,
) -> Result<Json<TokenResponse>, OAuthRefusal> {
    match form.require("grant_type")? {
        "client_credentials" => by_client(&api, &form, &connection).await,
        "refresh_token" => by_refresh_token(&api, &form, &connection).await,
        TOKEN_EXCHANGE => by_exchange(&api, &form, &connection).await,
        _ => {
            let detail = "grant_type is client_credentials, refresh_token or \
                          urn:ietf:params:oauth:grant-type:token-exchange";
            Err(OAuthRefusal::new(Code::UnsupportedGrantType, detail))
        }
    }
}

/// End a token
///
/// The whole login ends that the token came of. A token that is not known is no error (RFC 7009).
#[utoipa::path(
    post, path = "/revoke", operation_id = "revoke-token", tag = openapi::IDENTITY, security(()),
    request_body(content = RevocationForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The token counts no more"),
        (status = 400, description = "The request is wrong", body = Document),
        (status = 401, description = "The token is another's", body = Document),
    ),
)]
pub(super) async fn revoke(
    State(api): State<Arc<Api>>,
    connection: Connection,
    form: Form,
) -> Result<StatusCode, OAuthRefusal> {
    let address = connection.peer().address;
    let client = match form.client()? {
        Some(client) => Some(authenticated(&api, client, &connection).await?),
        None => None,
    };
    let token = form.require("token")?;
    if token.starts_with(OPERATOR_TOKEN_PREFIX) {
        let detail = "operator tokens are ended by `ca-server token revoke`";
        return Err(OAuthRefusal::new(Code::UnsupportedTokenType, detail));
    }
    let revoked = api.parts.access.revoke_token(client, token, address).await;
    revoked.map_err(OAuthRefusal::of_client)?;
    Ok(StatusCode::OK)
}

async fn by_client(
    api: &Api,
    form: &Form,
    connection: &Connection,
) -> Result<Json<TokenResponse>, OAuthRefusal> {
    let client = authenticated(api, form.require_client()?, connection).await?;
    let access = &api.parts.access;
    let tokens = access.token_by_client_credentials(client, connection.peer());
    let tokens = tokens.await.map_err(OAuthRefusal::of_client)?;
    Ok(Json(tokens.into()))
}

async fn by_refresh_token(
    api: &Api,
    form: &Form,
    connection: &Connection,
) -> Result<Json<TokenResponse>, OAuthRefusal> {
    let token = form.require("refresh_token")?;
    let client = authenticated(api, form.require_client()?, connection).await?;
    let access = &api.parts.access;
    let tokens = access.token_by_refresh(client, token, connection.peer());
    let tokens = tokens.await.map_err(OAuthRefusal::of_refresh_token)?;
    Ok(Json(tokens.into()))
}

async fn by_exchange(
    api: &Api,
    form: &Form,
    connection: &Connection,
) -> Result<Json<TokenResponse>, OAuthRefusal> {
    let token = form.token_to_exchange(&api.parts.external_url)?;
    // Nobody has to log in for this, but whoever tries must not be wrong.
    if let Some(client) = form.client()? {
        authenticated(api, client, connection).await?;
    }
    let (access, peer) = (&api.parts.access, connection.peer());
    let subject = access.authenticate_subject(token, peer).await;
    let subject = subject.map_err(OAuthRefusal::of_subject_token)?;
    connection.spend(api, &subject.name())?;
    let tokens = access.token_by_exchange(subject, peer).await;
    let tokens = tokens.map_err(OAuthRefusal::of_subject_token)?;
    Ok(Json(TokenResponse {
        issued_token_type: Some(ACCESS_TOKEN),
        ..tokens.into()
    }))
}

/// Checks a client's secret and counts what it asks.
async fn authenticated(
    api: &Api,
    ClientForm { id, secret }: ClientForm,
    connection: &Connection,
) -> Result<AuthenticatedClient, OAuthRefusal> {
    let credentials = ClientCredentials {
        unverified_id: id,
        unverified_secret: secret,
    };
    let (access, address) = (&api.parts.access, connection.peer().address);
    let client = access.authenticate_client(credentials, address).await;
    let client = client.map_err(OAuthRefusal::of_client)?;
    connection.spend(api, &client.name())?;
    Ok(client)
}

impl From<Tokens> for TokenResponse {
    fn from(tokens: Tokens) -> Self {
        let refresh_token = tokens.refresh_token.as_ref();
        Self {
            access_token: tokens.access_token.expose_secret().to_owned(),
            token_type: "Bearer",
            expires_in: tokens.expires_in.as_secs(),
            refresh_token: refresh_token.map(|token| token.expose_secret().to_owned()),
            issued_token_type: None,
        }
    }
}

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
