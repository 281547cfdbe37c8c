//! `/api/v1/issuers`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ca_issuance::Issuer;
use ca_pki::{Certificate, hex};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::{Api, example, openapi};

/// Every issuer.
#[derive(Serialize, ToSchema)]
pub(super) struct Issuers {
    /// By name.
    items: Vec<IssuerSummary>,
}

/// An intermediate that signs certificates.
#[derive(Serialize, ToSchema)]
#[schema(as = Issuer)]
pub(super) struct IssuerSummary {
    /// The name in configurations and rows.
    #[schema(example = "tls")]
    name: String,
    /// The subject's name.
    #[schema(example = "CN=Example Issuing CA,O=Example")]
    subject: String,
    /// SHA-256 of the certificate.
    #[schema(example = example::fingerprint)]
    fingerprint_sha256: String,
    /// The last second of its life.
    #[schema(example = example::moment, format = DateTime)]
    not_after: String,
    /// The intermediate and what stands between it and the root, in PEM.
    #[schema(example = example::certificate)]
    chain: String,
    /// The root that it chains to, in PEM.
    #[schema(example = example::certificate)]
    root: String,
}

/// The issuers behind the profiles
#[utoipa::path(
    get, path = "/issuers", operation_id = "list-issuers", tag = openapi::TRUST,
    responses((status = 200, description = "Every issuer", body = Issuers)),
)]
pub(super) async fn list(_: Caller, State(api): State<Arc<Api>>) -> Json<Issuers> {
    let issuers = api.parts.corridor.issuers();
    Json(Issuers {
        items: issuers.map(IssuerSummary::from).collect(),
    })
}

impl From<&Issuer> for IssuerSummary {
    fn from(issuer: &Issuer) -> Self {
        let certificate = issuer.certificate();
        Self {
            name: issuer.name().to_owned(),
            subject: certificate.subject_text(),
            fingerprint_sha256: hex::lower(&certificate.fingerprint_sha256()),
            not_after: certificate.validity().not_after.to_string(),
            chain: issuer.chain().iter().map(Certificate::pem).collect(),
            root: issuer.root().pem(),
        }
    }
}
