//! Serving: everything that can be wrong is found out before a port is bound.

use std::sync::Arc;

use ca_issuance::Settle;
use futures_util::future::join;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::open_files;
use crate::app::signals::{Asked, Signals};
use crate::app::{App, DRAIN, expiry, roots};
use crate::error::Error;
use crate::http::presence::Presence;
use crate::jobs::Jobs;

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
}

fn notify_systemd(state: sd_notify::NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::debug!(%error, "systemd was not notified");
    }
}
