//! `/api/v1/whoami`

use axum::Json;
use ca_identity::{Credential, Principal};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::openapi;

/// The caller as this server sees it.
#[derive(Serialize, ToSchema)]
pub(super) struct Whoami {
    /// The name in certificates' rows and audit events.
    #[schema(example = "oidc:gitlab:project_path:infra/web:ref_type:branch:ref:main")]
    name: String,
    /// The role; left out for callers who have only grants.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "auditor")]
    role: Option<&'static str>,
    /// What was shown: `ci-token`, `access-token`, `operator-token` or `certificate`.
    #[schema(example = "ci-token")]
    credential: &'static str,
    /// Where the request came from, as grants' networks see it.
    #[schema(example = "10.1.2.3")]
    address: String,
    /// The claims of the token, for writing grants; only for callers of an OIDC issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<Object>)]
    claims: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Who this server takes the caller for
#[utoipa::path(
    get, path = "/whoami", operation_id = "whoami", tag = openapi::IDENTITY,
    responses((status = 200, description = "The caller", body = Whoami)),
)]
pub(super) async fn show(Caller(identity): Caller) -> Json<Whoami> {
    let name = identity.principal.name();
    Json(Whoami {
        name,
        role: identity.role.map(|role| role.name()),
        credential: credential_name(&identity.credential),
        address: identity.address.to_string(),
        claims: match identity.principal {
            Principal::Oidc { claims, .. } => Some(claims),
            Principal::Client { .. }
            | Principal::Certificate { .. }
            | Principal::Operator { .. } => None,
        },
    })
}

fn credential_name(credential: &Credential) -> &'static str {
    match credential {
        Credential::CiToken => "ci-token",
        Credential::AccessToken { .. } => "access-token",
        Credential::OperatorToken { .. } => "operator-token",
        Credential::Certificate => "certificate",
    }
}
