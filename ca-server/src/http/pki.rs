//! The pki listener: CRLs, OCSP, issuers' and roots' certificates, over plain HTTP.
//!
//! Everything here is signed or public, and must be reachable by those who cannot verify a TLS
//! certificate yet.

mod certificate;
mod crl;
mod kept;
mod ocsp;
mod served;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use self::kept::KeptAnswers;
use arc_swap::ArcSwap;
use axum::Router;
use axum::routing::{get, post};
use ca_issuance::{Clock, CrlPublisher, OcspResponder};
use ca_pki::Certificate;
use ca_pki::crl::Crl;

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

/// What the offline tier made, each root once.
#[derive(Default)]
pub(crate) struct Roots(pub(crate) Vec<Root>);

/// One root and its revocation list.
pub(crate) struct Root {
    /// The root.
    pub(crate) certificate: Certificate,
    /// Its current CRL, if the operator provides one.
    pub(crate) crl: Option<Crl>,
    /// The issuers below it.
    pub(crate) issuers: Vec<String>,
}

impl Root {
    /// Returns its name in URLs and metrics; `position` is its place among the roots.
    pub(crate) fn name(&self, position: usize) -> String {
        match (position, self.issuers.first()) {
            (0, _) | (_, None) => "root".to_owned(),
            (_, Some(issuer)) => format!("{issuer}-root"),
        }
    }
}

impl Roots {
    /// Finds a root by its name in URLs: `root` is the first one, `{issuer}-root` an issuer's.
    fn named(&self, name: &str) -> Option<&Root> {
        if name == "root" {
            return self.0.first();
        }
        let issuer = name.strip_suffix("-root")?;
        self.0
            .iter()
            .find(|root| root.issuers.iter().any(|below| below == issuer))
    }

    fn crls(&self) -> impl Iterator<Item = &Crl> {
        self.0.iter().filter_map(|root| root.crl.as_ref())
    }
}

/// Returns the pki routes.
pub(crate) fn router(state: PkiState) -> Router {
    Router::new()
        .route("/crl/{file}", get(crl::list))
        .route("/ocsp/{issuer}", post(ocsp::posted))
        .route("/ocsp/{issuer}/{*request}", get(ocsp::in_the_path))
        .route("/issuers/{file}", get(certificate::issuer))
        .route("/roots.pem", get(certificate::roots))
        .with_state(state)
}

#[cfg(test)]
mod tests;
