//! What must work for the server to be of use.

use std::collections::BTreeMap;
use std::sync::Arc;

use ca_issuance::{Clock, Corridor, Issuer};
use ca_keys::KeyError;
use ca_store::Store;

use crate::app::Revocation;
use crate::http::ops::Check;
use crate::http::presence::Presence;
use crate::tls::ServerCertificate;

/// What `/readyz` looks at.
pub(super) struct Readiness {
    pub(super) store: Store,
    pub(super) revocation: BTreeMap<String, Revocation>,
    pub(super) certificate: Arc<ServerCertificate>,
    pub(super) corridor: Arc<Corridor>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) presence: Presence,
}

impl Readiness {
    /// Runs every check. The signer is not asked for a signature: a probe must not use the token.
    /// Nor is a server without one unready: it validates and revokes, it leaves CRLs and the audit
    /// log to a server that can sign ([`ca_issuance::Lease::failed`]), and where all use one token
    /// nobody would be left. So a breaker that is open only degrades.
    pub(super) async fn check(&self) -> Vec<Check> {
        let database = self.database().await;
        let mut checks = vec![self.staying(), database, self.server_certificate()];
        checks.extend(
            self.revocation
                .iter()
                .map(|(issuer, revocation)| self.crl(issuer, revocation)),
        );
        checks.extend(self.corridor.issuers().map(signer));
        checks
    }

    /// A server that was told to stop says so while it still serves: whoever sends it clients has
    /// time to send them elsewhere.
    fn staying(&self) -> Check {
        let stops = self.presence.is_leaving();
        Check {
            name: "staying".to_owned(),
            ok: !stops,
            degraded: false,
            detail: if stops { "about to stop" } else { "yes" }.to_owned(),
        }
    }

    async fn database(&self) -> Check {
        let pinged = self.store.ping().await;
        Check {
            name: "database".to_owned(),
            ok: pinged.is_ok(),
            degraded: false,
            detail: match pinged {
                Ok(()) => "answers".to_owned(),
                Err(error) => error.to_string(),
            },
        }
    }

    fn server_certificate(&self) -> Check {
        let now = self.clock.now();
        let until = self.certificate.not_after();
        let overdue = self.certificate.overdue_since(now);
        let detail = until.map_or("none".to_owned(), |until| format!("until {until}"));
        Check {
            name: "server certificate".to_owned(),
            ok: until.is_some_and(|until| now < until),
            degraded: overdue.is_some(),
            detail: match overdue {
                Some(since) => format!("{detail}, not renewed though due since {since}"),
                None => detail,
            },
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
            degraded: false,
            detail: until.map_or("none".to_owned(), |until| format!("until {until}")),
        }
    }
}

fn signer(issuer: &Issuer) -> Check {
    let away = issuer.key().check_available().err();
    Check {
        name: format!("signer {}", issuer.name()),
        ok: true,
        degraded: away.is_some(),
        detail: match away {
            None => "signs, as far as is known".to_owned(),
            Some(KeyError::Unavailable { retry_after }) => format!(
                "does not sign, asked again in {} s: see the log",
                retry_after.as_secs() + 1
            ),
            Some(error) => error.to_string(),
        },
    }
}
