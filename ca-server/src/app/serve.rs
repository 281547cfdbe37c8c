//! Serving: everything that can be wrong is found out before a port is bound.

use std::net::SocketAddr;
use std::sync::Arc;

use ca_issuance::Settle;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::open_files;
use crate::app::readiness::Readiness;
use crate::app::signals::{Asked, Signals};
use crate::app::{App, DRAIN, Revocation, expiry, roots};
use crate::error::Error;
use crate::http::api::{ApiParts, Rates};
use crate::http::limits::RequestLimits;
use crate::http::listener::{Listener, Routes, Share, Transport, listen};
use crate::http::ops::{Check, OpsState};
use crate::http::pki::{KeptAnswers, PkiIssuer, PkiState};
use crate::http::presence::Presence;
use crate::http::{acme, api, layers, ops, pki};
use crate::jobs::Jobs;
use crate::tls;

impl App {
    /// Serves until SIGTERM or SIGINT, then drains.
    pub(crate) async fn serve(self) -> Result<(), Error> {
        let open_files = open_files::raise();
        let app = Arc::new(self);
        app.make_ready().await?;
        // Before anybody sees that it serves: whoever does may ask it to stop.
        let signals = Signals::listen()?;
        let presence = Presence::default();
        let listeners = app.listeners(open_files, &presence)?;

        let stop = CancellationToken::new();
        let serving = TaskTracker::new();
        for listener in listeners {
            serving.spawn(listener.serve(stop.child_token()));
        }
        let jobs = Jobs::start(app.jobs(&presence)?, stop.child_token());
        tracing::info!(
            public = %app.config.listen.public,
            pki = %app.config.listen.pki,
            ops = %app.config.listen.ops,
            url = %app.config.server.external_url,
            "serving"
        );
        notify_systemd(sd_notify::NotifyState::Ready);

        let signals = app.run_until_stopped(signals).await;
        notify_systemd(sd_notify::NotifyState::Stopping);
        presence.leave();
        app.drain(signals).await;
        tracing::info!("stopping: no new connections, finishing what is under way");
        stop.cancel();
        serving.close();
        let drained = async {
            // Others take the work over while the last answers go out.
            join(serving.wait(), jobs.finish()).await;
            app.close().await;
        };
        if tokio::time::timeout(DRAIN, drained).await.is_err() {
            tracing::warn!("some work did not finish in time; settling ends it at the next start");
        }
        tracing::info!("stopped");
        Ok(())
    }

    /// Takes the store, ends what a crash left, and makes what clients will ask for first.
    async fn make_ready(&self) -> Result<(), Error> {
        self.store
            .begin_serving()
            .await
            .map_err(|error| Error::Store(Box::new(error)))?;
        self.leases
            .claim()
            .await
            .map_err(|error| Error::Store(Box::new(error)))?;
        let which = if self.config.database.is_shared() {
            Settle::Overdue
        } else {
            Settle::Everything
        };
        let settled = self.settle(which).await?;
        if settled > 0 {
            tracing::warn!(settled, "burned serials whose issuance never finished");
        }
        self.reloader.note_start().await?;
        self.certify_itself().await?;
        for (issuer, revocation) in &self.revocation {
            if let Err(error) = revocation.publisher.refresh().await {
                tracing::error!(issuer, %error, "no CRL yet, trying again");
            }
            if let Err(error) = revocation.responder.renew(&self.corridor).await {
                tracing::error!(issuer, %error, "no OCSP responder yet, trying again");
            }
        }
        expiry::observe(&self.corridor, &self.roots.load(), &self.certificate);
        self.acme
            .resume_interrupted_validations()
            .await
            .map_err(|error| Error::Acme(Box::new(error)))?;
        Ok(())
    }

    /// Goes on serving until whoever sends clients here has seen that it is about to stop; a
    /// second signal cuts it short. Each answer ends its connection, so that clients move on one
    /// by one and not all at the end.
    async fn drain(&self, mut signals: Signals) {
        let span = self.config.listen.drain.0;
        if span.is_zero() {
            return;
        }
        tracing::info!(?span, "draining: not ready any more, serving on");
        let cut_short = async { while signals.next().await != Asked::Stop {} };
        tokio::select! {
            () = tokio::time::sleep(span) => {}
            () = cut_short => {}
        }
    }

    /// A kept certificate serves until there is a better one; without any there is nothing to
    /// serve with.
    async fn certify_itself(&self) -> Result<(), Error> {
        if !self.certificate.is_due(self.clock.now()) {
            return Ok(());
        }
        match self.certificate.renew(&self.corridor).await {
            Ok(_validity) => Ok(()),
            Err(error) if self.certificate.not_after().is_some() => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "no new certificate for the server yet, trying again");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn listeners(&self, open_files: usize, presence: &Presence) -> Result<Vec<Listener>, Error> {
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

    /// Returns at SIGTERM or SIGINT. SIGHUP reads the roots' CRLs again and replaces the rules;
    /// other settings need a restart, which costs clients nothing but a reconnect.
    async fn run_until_stopped(&self, mut signals: Signals) -> Signals {
        loop {
            match signals.next().await {
                Asked::Stop => return signals,
                Asked::Reload => {
                    self.read_roots_again();
                    self.reloader.reload().await;
                }
            }
        }
    }

    fn read_roots_again(&self) {
        match roots::load(&self.config, &self.corridor) {
            Ok(fresh) => {
                self.roots.store(Arc::new(fresh));
                tracing::info!("read the roots' CRLs again");
            }
            Err(error) => {
                tracing::error!(error = error.in_full(), "the roots' CRLs stay as they were")
            }
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

fn notify_systemd(state: sd_notify::NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::debug!(%error, "systemd was not notified");
    }
}

/// Per listener, if enough files may be open.
const MOST_CONNECTIONS: usize = 16_384;
