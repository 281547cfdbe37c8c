//! The pki listener: CRLs, OCSP, issuers' and roots' certificates, over plain HTTP.
//!
//! Everything here is signed or public, and must be reachable by those who cannot verify a TLS
//! certificate yet.

mod certificate;
mod crl;
mod ocsp;
mod served;

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use ca_issuance::{Clock, CrlPublisher, OcspResponder};
use ca_pki::Certificate;
use ca_pki::crl::Crl;
use ca_pki::ocsp::OcspRequest;

/// What the pki routes serve from.
#[derive(Clone)]
pub(crate) struct PkiState {
    /// Issuers by their configured names.
    pub(crate) issuers: Arc<BTreeMap<String, PkiIssuer>>,
    /// Roots and their CRLs; replaced when the files are read anew.
    pub(crate) roots: Arc<ArcSwap<Roots>>,
    /// For how long something is still fresh.
    pub(crate) clock: Arc<dyn Clock>,
}

/// One issuer's revocation data.
pub(crate) struct PkiIssuer {
    /// The intermediate.
    pub(crate) certificate: Certificate,
    /// Makes its CRLs.
    pub(crate) publisher: Arc<CrlPublisher>,
    /// Answers OCSP about its certificates.
    pub(crate) responder: Arc<OcspResponder>,
}

/// What the offline tier made.
#[derive(Default)]
pub(crate) struct Roots {
    /// Each root once.
    pub(crate) certificates: Vec<Certificate>,
    /// The roots' current CRLs.
    pub(crate) crls: Vec<Crl>,
}

/// Returns the pki routes.
pub(crate) fn router(state: PkiState) -> Router {
    Router::new()
        .route("/crl/{file}", get(crl::list))
        .route("/ocsp/{issuer}", post(ocsp::posted))
        .route("/ocsp/{issuer}/{*request}", get(ocsp::in_the_path))
        .route("/issuers/{file}", get(certificate::issuer))
        .route("/roots.pem", get(certificate::roots))
        .layer(DefaultBodyLimit::max(OcspRequest::MAX_BYTES))
        .with_state(state)
}

#[cfg(test)]
mod tests;
