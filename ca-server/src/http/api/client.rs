//! `/api/v1/clients`: programs with a secret of their own.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use ca_identity::Role;
use ca_identity::client::{Client, NewClient};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::caller::{ByAdmin, ByAuditor};
use super::{Api, example, openapi};
use crate::http::problem::api::Problem;

/// A client to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientRequest {
    /// What it logs in with: letters, digits, `.`, `_` and `-`.
    #[schema(example = "deployer", pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    id: String,
    /// Its role. Without one it has only what grants give it.
    role: Option<RoleName>,
    /// What it is for.
    #[serde(default)]
    #[schema(example = "deployments of the shop", max_length = 200)]
    comment: String,
}

/// What somebody may do beside what grants allow.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Role)]
pub(super) enum RoleName {
    /// Everything.
    Admin,
    /// Sees and revokes every certificate, mints EAB credentials.
    Operator,
    /// Reads everything and changes nothing.
    Auditor,
}

/// Every client.
#[derive(Serialize, ToSchema)]
pub(super) struct Clients {
    /// By id.
    items: Vec<ClientEntry>,
}

/// A client.
#[derive(Serialize, ToSchema)]
#[schema(as = Client)]
pub(super) struct ClientEntry {
    /// What it logs in with.
    #[schema(example = "deployer")]
    id: String,
    /// Its role; null for those who have only grants.
    role: Option<RoleName>,
    /// What it is for.
    #[schema(example = "deployments of the shop")]
    comment: String,
    /// When it was made.
    #[schema(example = example::moment, format = DateTime)]
    created_at: String,
    /// When it last logged in, to the minute; null if it never did.
    #[schema(example = example::moment, format = DateTime)]
    last_used_at: Option<String>,
}

/// A client just made, with its secret.
#[derive(Serialize, ToSchema)]
pub(super) struct CreatedClient {
    /// The client.
    client: ClientEntry,
    /// The secret to log in with. It is shown this once and stored nowhere.
    #[schema(example = "cas_…")]
    secret: String,
}

/// Make a client
///
/// It logs in at `/oauth2/token` or `/api/authenticate/app`. Administrators only.
#[utoipa::path(
    post, path = "/clients", operation_id = "create-client", tag = openapi::ADMINISTRATION,
    request_body = ClientRequest,
    responses(
        (status = 201, description = "The client and its secret", body = CreatedClient,
         headers(("Location" = String, description = "The client's path"))),
    ),
)]
pub(super) async fn create(
    ByAdmin(admin): ByAdmin,
    State(api): State<Arc<Api>>,
    Body(request): Body<ClientRequest>,
) -> Result<impl IntoResponse, Problem> {
    let added = api.parts.access.add_client(request.into(), admin.actor());
    let (client, secret) = added.await?;
    let location = format!("/api/v1/clients/{}", client.id);
    let body = CreatedClient {
        client: client.into(),
        secret: secret.expose_secret().to_owned(),
    };
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(body)))
}

/// Every client
#[utoipa::path(
    get, path = "/clients", operation_id = "list-clients", tag = openapi::ADMINISTRATION,
    responses((status = 200, description = "Every client", body = Clients)),
)]
pub(super) async fn list(
    _: ByAuditor,
    State(api): State<Arc<Api>>,
) -> Result<Json<Clients>, Problem> {
    let clients = api.parts.access.clients().await?;
    let items = clients.into_iter().map(ClientEntry::from).collect();
    Ok(Json(Clients { items }))
}

/// One client
#[utoipa::path(
    get, path = "/clients/{id}", operation_id = "show-client", tag = openapi::ADMINISTRATION,
    params(("id" = String, Path, description = "The client's id", example = "deployer")),
    responses((status = 200, description = "The client", body = ClientEntry)),
)]
pub(super) async fn show(
    _: ByAuditor,
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<Json<ClientEntry>, Problem> {
    let client = api.parts.access.client(&id).await?;
    Ok(Json(client.into()))
}

/// Remove a client
///
/// Its sessions end at once. Administrators only.
#[utoipa::path(
    delete, path = "/clients/{id}", operation_id = "remove-client", tag = openapi::ADMINISTRATION,
    params(("id" = String, Path, description = "The client's id", example = "deployer")),
    responses((status = 204, description = "It is gone")),
)]
pub(super) async fn remove(
    ByAdmin(admin): ByAdmin,
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    api.parts.access.remove_client(&id, admin.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<ClientRequest> for NewClient {
    fn from(request: ClientRequest) -> Self {
        Self {
            id: request.id,
            role: request.role.map(Role::from),
            comment: request.comment,
        }
    }
}

impl From<Client> for ClientEntry {
    fn from(client: Client) -> Self {
        Self {
            id: client.id,
            role: client.role.map(RoleName::from),
            comment: client.comment,
            created_at: client.created_at.to_string(),
            last_used_at: client.last_used_at.map(|at| at.to_string()),
        }
    }
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Admin => Self::Admin,
            RoleName::Operator => Self::Operator,
            RoleName::Auditor => Self::Auditor,
        }
    }
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::Operator => Self::Operator,
            Role::Auditor => Self::Auditor,
        }
    }
}
