//! `/api/v1/trust-bundle`: what relying parties trust.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ca_pki::{Certificate, hex};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Api, example, openapi};

/// The roots of this CA.
#[derive(Serialize, ToSchema)]
pub(super) struct TrustBundle {
    /// Each root.
    roots: Vec<RootCertificate>,
    /// All of them in one text, to be written to a file as it is.
    #[schema(example = example::certificate)]
    pem: String,
}

/// One root.
#[derive(Serialize, ToSchema)]
pub(super) struct RootCertificate {
    /// The subject's name.
    #[schema(example = "CN=Example Root CA,O=Example")]
    subject: String,
    /// SHA-256 of the certificate.
    #[schema(example = example::fingerprint)]
    fingerprint_sha256: String,
    /// The last second of its life.
    #[schema(example = example::moment, format = DateTime)]
    not_after: String,
    /// The certificate.
    #[schema(example = example::certificate)]
    pem: String,
}

/// The roots to trust
///
/// Compare a fingerprint with one that came another way before trusting a root for the first time:
/// whoever could answer in this server's place could answer with another root.
#[utoipa::path(
    get, path = "/trust-bundle", tag = openapi::TRUST, security(()),
    responses((status = 200, description = "The roots", body = TrustBundle)),
)]
pub(super) async fn show(State(api): State<Arc<Api>>) -> Json<TrustBundle> {
    let roots = api.parts.roots.load();
    let roots: Vec<&Certificate> = roots.0.iter().map(|root| &root.certificate).collect();
    Json(TrustBundle {
        pem: roots.iter().map(|root| root.pem()).collect(),
        roots: roots.into_iter().map(RootCertificate::from).collect(),
    })
}

impl From<&Certificate> for RootCertificate {
    fn from(root: &Certificate) -> Self {
        Self {
            subject: root.subject_text(),
            fingerprint_sha256: hex::lower(&root.fingerprint_sha256()),
            not_after: root.validity().not_after.to_string(),
            pem: root.pem(),
        }
    }
}
