//! Serving: everything that can be wrong is found out before a port is bound.

use std::net::SocketAddr;
use std::sync::Arc;

use ca_issuance::Settle;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::readiness::Readiness;
use crate::app::{App, DRAIN, Revocation, expiry, roots};
use crate::error::Error;
use crate::http::api::{ApiParts, Rates};
use crate::http::listener::{Listener, Transport, listen};
use crate::http::ops::{Check, OpsState};
use crate::http::pki::{PkiIssuer, PkiState};
use crate::http::{acme, api, layers, ops, pki};
use crate::jobs::Jobs;
use crate::tls;

impl App {
    /// Serves until SIGTERM or SIGINT, then drains.
    pub(crate) async fn serve(self) -> Result<(), Error> {
        raise_open_files();
        let app = Arc::new(self);
        app.make_ready().await?;
        // Before anybody sees that it serves: whoever does may ask it to stop.
        let signals = Signals::listen()?;
        let listeners = app.listeners()?;

        let stop = CancellationToken::new();
        let serving = TaskTracker::new();
        for listener in listeners {
            serving.spawn(listener.serve(stop.child_token()));
        }
        let jobs = Jobs::start(app.jobs()?, stop.child_token());
        tracing::info!(
            public = %app.config.listen.public,
            pki = %app.config.listen.pki,
            ops = %app.config.listen.ops,
            url = %app.config.server.external_url,
            "serving"
        );
        notify_systemd(sd_notify::NotifyState::Ready);

        app.run_until_stopped(signals).await;
        tracing::info!("stopping: no new connections, finishing what is under way");
        notify_systemd(sd_notify::NotifyState::Stopping);
        stop.cancel();
        serving.close();
        let drained = async {
            serving.wait().await;
            jobs.finish().await;
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
        self.certificate.renew(&self.corridor).await?;
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

    fn listeners(&self) -> Result<Vec<Listener>, Error> {
        let listen = &self.config.listen;
        let tls = tls::server_config(Arc::clone(&self.certificate), &self.corridor)?;
        let public = acme::router(Arc::clone(&self.acme)).merge(api::router(self.api_parts()));
        let public = layers::around(public, "public");
        let pki = layers::around(pki::router(self.pki_state()), "pki");
        let ops = layers::around(ops::router(self.ops_state()), "ops");
        Ok(vec![
            bind("public", listen.public, Transport::Tls(tls), public)?,
            bind("pki", listen.pki, Transport::Plain, pki)?,
            bind("ops", listen.ops, Transport::Plain, ops)?,
        ])
    }

    /// Returns at SIGTERM or SIGINT. SIGHUP reads the roots' CRLs again and replaces the rules;
    /// other settings need a restart, which costs clients nothing but a reconnect.
    async fn run_until_stopped(&self, mut signals: Signals) {
        loop {
            tokio::select! {
                _ = signals.terminate.recv() => return,
                _ = signals.interrupt.recv() => return,
                _ = signals.hangup.recv() => {
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

    fn api_parts(&self) -> ApiParts {
        let profiles = self.config.profiles.iter();
        ApiParts {
            profiles: profiles.map(|profile| profile.name.clone()).collect(),
            access: Arc::clone(&self.access),
            acme: Arc::clone(&self.acme),
            corridor: Arc::clone(&self.corridor),
            roots: Arc::clone(&self.roots),
            external_url: self.config.server.external_url.clone(),
            rates: Rates::new(&self.config.api),
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

    fn ops_state(&self) -> OpsState {
        let readiness = Arc::new(Readiness {
            store: self.store.clone(),
            revocation: self.revocation.clone(),
            certificate: Arc::clone(&self.certificate),
            clock: Arc::clone(&self.clock),
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

/// What operators send.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Takes them over from their defaults, which all end the process at once.
    fn listen() -> Result<Self, Error> {
        let of = |kind| signal(kind).map_err(Error::Runtime);
        Ok(Self {
            terminate: of(SignalKind::terminate())?,
            interrupt: of(SignalKind::interrupt())?,
            hangup: of(SignalKind::hangup())?,
        })
    }
}

/// Thousands of idle clients must not use up the descriptors that the store and validation need.
fn raise_open_files() {
    match rlimit::increase_nofile_limit(OPEN_FILES) {
        Ok(limit) if limit < OPEN_FILES => {
            tracing::warn!(
                limit,
                wanted = OPEN_FILES,
                "few open files are allowed: see LimitNOFILE"
            );
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the limit of open files stays as it is"),
    }
}

/// Three listeners full of connections, and room for everything else.
const OPEN_FILES: u64 = 65_536;

fn bind(
    name: &'static str,
    address: SocketAddr,
    transport: Transport,
    router: axum::Router,
) -> Result<Listener, Error> {
    let socket = listen(address).map_err(|source| Error::Listen {
        listener: name,
        address,
        source,
    })?;
    Ok(Listener {
        name,
        socket,
        transport,
        router,
    })
}

fn notify_systemd(state: sd_notify::NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::debug!(%error, "systemd was not notified");
    }
}
