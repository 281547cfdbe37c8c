//! `/api/v1/grants`: who may have what.

mod document;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use self::document::{Grant, ListedGrant};
use super::body::Body;
use super::caller::{ByAdmin, ByAuditor};
use super::{Api, openapi};
use crate::http::problem::api::Problem;

/// Every grant in force.
#[derive(Serialize, ToSchema)]
pub(super) struct Grants {
    /// The configuration's first.
    items: Vec<ListedGrant>,
}

/// Make a short-lived grant
///
/// It must end within 30 days; what should last belongs into the configuration, where it is
/// reviewed. Administrators only.
#[utoipa::path(
    post, path = "/grants", operation_id = "create-grant", tag = openapi::ADMINISTRATION,
    request_body = Grant,
    responses(
        (status = 201, description = "The grant", body = Grant,
         headers(("Location" = String, description = "The grant's path"))),
    ),
)]
pub(super) async fn create(
    ByAdmin(admin): ByAdmin,
    State(api): State<Arc<Api>>,
    Body(grant): Body<Grant>,
) -> Result<impl IntoResponse, Problem> {
    let grant = api.parts.access.add_grant(&admin, grant.into()).await?;
    let location = format!("/api/v1/grants/{}", grant.name);
    let body = Json(Grant::from(&grant));
    Ok((StatusCode::CREATED, [(LOCATION, location)], body))
}

/// Every grant in force
#[utoipa::path(
    get, path = "/grants", operation_id = "list-grants", tag = openapi::ADMINISTRATION,
    responses((status = 200, description = "Every grant in force", body = Grants)),
)]
pub(super) async fn list(
    ByAuditor(caller): ByAuditor,
    State(api): State<Arc<Api>>,
) -> Result<Json<Grants>, Problem> {
    let grants = api.parts.access.list_grants(&caller).await?;
    let items = grants.into_iter().map(ListedGrant::from).collect();
    Ok(Json(Grants { items }))
}

/// One grant in force
#[utoipa::path(
    get, path = "/grants/{name}", operation_id = "show-grant", tag = openapi::ADMINISTRATION,
    params(("name" = String, Path, description = "The grant's name", example = "release-jobs")),
    responses((status = 200, description = "The grant", body = ListedGrant)),
)]
pub(super) async fn show(
    ByAuditor(caller): ByAuditor,
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
) -> Result<Json<ListedGrant>, Problem> {
    let grants = api.parts.access.list_grants(&caller).await?;
    let mut grants = grants.into_iter();
    let grant = grants.find(|listed| listed.grant.name == name);
    let grant = grant.ok_or_else(Problem::not_found)?;
    Ok(Json(grant.into()))
}

/// Remove a grant that was made over the API
///
/// What it gave is refused from now on, on ACME accounts too. Administrators only.
#[utoipa::path(
    delete, path = "/grants/{name}", operation_id = "remove-grant", tag = openapi::ADMINISTRATION,
    params(("name" = String, Path, description = "The grant's name", example = "release-jobs")),
    responses(
        (status = 204, description = "It is gone"),
    ),
)]
pub(super) async fn remove(
    ByAdmin(admin): ByAdmin,
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    api.parts.access.remove_grant(&admin, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
