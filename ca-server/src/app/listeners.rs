//! What listens, and what each listener serves.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::app::readiness::Readiness;
use crate::app::{App, Revocation};
use crate::error::Error;
use crate::http::api::{ApiParts, Rates};
use crate::http::limits::RequestLimits;
use crate::http::listener::{Listener, Routes, Share, Transport, listen};
use crate::http::ops::{Check, OpsState};
use crate::http::pki::{KeptAnswers, PkiIssuer, PkiState};
use crate::http::presence::Presence;
use crate::http::{acme, api, layers, ops, pki};
use crate::tls;

impl App {
    /// Binds every listener.
    pub(super) fn listeners(
        &self,
        open_files: usize,
        presence: &Presence,
    ) -> Result<Vec<Listener>, Error> {
        let listen = &self.config.listen;
        let tls = tls::server_config(Arc::clone(&self.certificate), &self.corridor)?;
        let limits = Arc::new(RequestLimits::new(&self.config.limits));
        let public = acme::router(Arc::clone(&self.acme), Arc::clone(&limits))
            .merge(api::router(self.api_parts(limits)));
        let public = layers::around(public, "public");
        let state = self.pki_state();
        let pki = Routes {
            kept: Some(Arc::new(KeptAnswers::new(&state))),
            router: layers::around(pki::router(state), "pki"),
        };
        let ops = layers::around(ops::router(self.ops_state(presence)), "ops");
        let of_public = Share {
            opening: self.config.limits.address_rate(),
            ..self.share()
        };
        // Enough files are left for validation and the store.
        let [most_public, most_pki, most_ops] =
            [2, 4, 32].map(|part| MOST_CONNECTIONS.min(open_files / part));
        Ok(vec![
            Listener {
                transport: Transport::Tls(tls),
                presence: presence.clone(),
                share: of_public,
                ..bind("public", listen.public, public.into(), most_public)?
            },
            Listener {
                presence: presence.clone(),
                share: self.share(),
                ..bind("pki", listen.pki, pki, most_pki)?
            },
            Listener {
                presence: presence.clone(),
                share: self.share(),
                ..bind("ops", listen.ops, ops.into(), most_ops)?
            },
        ])
    }

    /// Returns what of a listener one peer may have.
    fn share(&self) -> Share {
        let limits = &self.config.limits;
        Share {
            connections: limits.address.connections as usize,
            exempt: limits.exempt(),
            opening: None,
        }
    }

    fn api_parts(&self, limits: Arc<RequestLimits>) -> ApiParts {
        let profiles = self.config.profiles.iter();
        ApiParts {
            profiles: profiles.map(|profile| profile.name.clone()).collect(),
            access: Arc::clone(&self.access),
            acme: Arc::clone(&self.acme),
            corridor: Arc::clone(&self.corridor),
            roots: Arc::clone(&self.roots),
            external_url: self.config.server.external_url.clone(),
            rates: Rates::new(&self.config.api),
            limits,
        }
    }

    fn pki_state(&self) -> PkiState {
        let issuers = self.corridor.issuers().filter_map(|issuer| {
            let Revocation {
                publisher,
                responder,
            } = self.revocation.get(issuer.name())?.clone();
            let certificate = issuer.certificate().clone();
            Some((
                issuer.name().to_owned(),
                PkiIssuer {
                    certificate,
                    publisher,
                    responder,
                },
            ))
        });
        PkiState {
            issuers: Arc::new(issuers.collect()),
            roots: Arc::clone(&self.roots),
            clock: Arc::clone(&self.clock),
        }
    }

    fn ops_state(&self, presence: &Presence) -> OpsState {
        let readiness = Arc::new(Readiness {
            store: self.store.clone(),
            revocation: self.revocation.clone(),
            certificate: Arc::clone(&self.certificate),
            corridor: Arc::clone(&self.corridor),
            clock: Arc::clone(&self.clock),
            presence: presence.clone(),
        });
        let checks = move || -> BoxFuture<'static, Vec<Check>> {
            let readiness = Arc::clone(&readiness);
            async move { readiness.check().await }.boxed()
        };
        OpsState {
            metrics: self.metrics.clone(),
            checks: Arc::new(checks),
        }
    }
}

/// Binds a plain listener that lets everybody have all of it.
fn bind(
    name: &'static str,
    address: SocketAddr,
    routes: Routes,
    places: usize,
) -> Result<Listener, Error> {
    let socket = listen(address).map_err(|source| Error::Listen {
        listener: name,
        address,
        source,
    })?;
    Ok(Listener {
        name,
        socket,
        transport: Transport::Plain,
        routes,
        places,
        share: Share::default(),
        presence: Presence::default(),
    })
}

/// Per listener, if enough files may be open.
const MOST_CONNECTIONS: usize = 16_384;
