//! What must work for the server to be of use.

use std::collections::BTreeMap;
use std::sync::Arc;

use ca_issuance::Clock;
use ca_store::Store;

use crate::app::Revocation;
use crate::http::ops::Check;
use crate::tls::ServerCertificate;

/// What `/readyz` looks at.
pub(super) struct Readiness {
    pub(super) store: Store,
    pub(super) revocation: BTreeMap<String, Revocation>,
    pub(super) certificate: Arc<ServerCertificate>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Readiness {
    /// Runs every check. The signer is not asked for a signature: a probe must not use the token;
    /// its breaker is a metric.
    pub(super) async fn check(&self) -> Vec<Check> {
        let mut checks = vec![self.database().await, self.server_certificate()];
        checks.extend(
            self.revocation
                .iter()
                .map(|(issuer, revocation)| self.crl(issuer, revocation)),
        );
        checks
    }

    async fn database(&self) -> Check {
        let pinged = self.store.ping().await;
        Check {
            name: "database".to_owned(),
            ok: pinged.is_ok(),
            detail: match pinged {
                Ok(()) => "answers".to_owned(),
                Err(error) => error.to_string(),
            },
        }
    }

    fn server_certificate(&self) -> Check {
        let until = self.certificate.not_after();
        Check {
            name: "server certificate".to_owned(),
            ok: until.is_some_and(|until| self.clock.now() < until),
            detail: until.map_or("none".to_owned(), |until| format!("until {until}")),
        }
    }

    fn crl(&self, issuer: &str, revocation: &Revocation) -> Check {
        let until = revocation
            .publisher
            .current()
            .map(|current| current.next_update());
        Check {
            name: format!("crl {issuer}"),
            ok: until.is_some_and(|until| self.clock.now() < until),
            detail: until.map_or("none".to_owned(), |until| format!("until {until}")),
        }
    }
}
