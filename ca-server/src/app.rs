//! Introductions: the one place where rooms meet, in the order in which they must be right.

pub(crate) mod expiry;
pub(crate) mod identity;
mod issuers;
mod leases;
mod listeners;
mod open_files;
mod profiles;
mod readiness;
mod receiver;
mod reload;
mod revocation;
pub(crate) mod roots;
pub(crate) mod rules;
pub(crate) mod seal;
mod serve;
mod signals;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use ca_acme::{Acme, AcmeParts, AcmeStore, Validator};
use ca_identity::{Access, AccessParts, IdentityStore};
use ca_issuance::audit::chain::Seal;
use ca_issuance::audit::export::Receiver;
use ca_issuance::lease::LeaseKeeper;
use ca_issuance::world::{SystemClock, SystemEntropy};
use ca_issuance::{Clock, Corridor, CorridorParts, Entropy, Ledger, Settle};
use ca_pki::Timestamp;
use ca_store::Store;
use ca_validation::{NetworkValidator, Settings};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::task::TaskTracker;

use crate::app::reload::Reloader;
use crate::config::{Config, ConfigError};
use crate::error::Error;
use crate::http::pki::Roots;
use crate::http::presence::Presence;
use crate::jobs::{ClockWatch, JobParts};
use crate::storage;
use crate::tls::{Kept, ServerCertificate};

pub(crate) use issuers::{
    Absence, certificate as issuer_certificate, open as open_issuer, open_key as open_issuer_key,
};
pub(crate) use leases::Duties;
pub(crate) use profiles::uncovered;
pub(crate) use revocation::Revocation;

/// A server whose parts are all checked, not yet listening.
pub(crate) struct App {
    config: Config,
    metrics: PrometheusHandle,
    store: Store,
    corridor: Arc<Corridor>,
    access: Arc<Access>,
    acme: Arc<Acme>,
    reloader: Reloader,
    revocation: BTreeMap<String, Revocation>,
    roots: Arc<ArcSwap<Roots>>,
    seal: Arc<dyn Seal>,
    receiver: Option<Arc<dyn Receiver>>,
    certificate: Arc<ServerCertificate>,
    leases: Arc<LeaseKeeper>,
    duties: Duties,
    clock: Arc<dyn Clock>,
    /// When the last run wrote its last event.
    newest_event: Option<Timestamp>,
    tasks: TaskTracker,
}

impl App {
    /// Opens store, keys and certificates and checks that they belong together.
    pub(crate) async fn open(config: Config, metrics: PrometheusHandle) -> Result<Self, Error> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        refuse_impossible_time(clock.now())?;
        let store = storage::connect(&config).await?;
        store
            .check_schema()
            .await
            .map_err(|error| Error::Store(Box::new(error)))?;
        let newest_event = store.newest_event_at().await;
        let newest_event = newest_event.map_err(|error| Error::Store(Box::new(error)))?;
        let names = config.server.names().map_err(ConfigError::Faults)?;
        let file = config
            .server
            .tls_file
            .as_ref()
            .map(|file| config.path(file));
        let kept = file
            .as_ref()
            .and_then(|file| Kept::read(file, &names, clock.now()));
        let absence = match &kept {
            // It has something to serve with, and much to serve: CRLs, OCSP, validation.
            Some(_) => Absence::Awaited,
            None => Absence::Refused,
        };
        let issuers = issuers::open_all(&config, clock.now(), absence).await?;
        let tasks = TaskTracker::new();
        let corridor = Corridor::new(CorridorParts {
            policy: profiles::policy(&config, &issuers)?,
            issuers,
            ledger: Arc::new(store.clone()) as Arc<dyn Ledger>,
            clock: Arc::clone(&clock),
            entropy: Arc::new(SystemEntropy::default()) as Arc<dyn Entropy>,
            tasks: tasks.clone(),
        });
        let access = access(&config, &store, &corridor).await?;
        let acme = acme(&config, &store, &access, (&corridor, &tasks)).await?;
        let mut leases = leases::keeper(&config, &corridor)?;
        let revocation = revocation::all(&config, &corridor, &mut leases);
        let certificate = ServerCertificate::new(names, file);
        if let Some(kept) = kept {
            certificate.restore(&kept, &corridor)?;
        }
        Ok(Self {
            roots: Arc::new(ArcSwap::from_pointee(roots::load(&config, &corridor)?)),
            seal: seal::open(&config, &store, absence).await?,
            receiver: receiver::open(&config)?,
            certificate,
            reloader: Reloader::new(
                config.clone(),
                Arc::clone(&access),
                Arc::clone(corridor.ledger()),
                Arc::clone(&clock),
            ),
            config,
            metrics,
            store,
            corridor,
            access,
            acme,
            revocation,
            duties: Duties::of(&mut leases),
            leases: Arc::new(leases),
            clock,
            newest_event,
            tasks,
        })
    }

    /// Ends unfinished issuances.
    pub(crate) async fn settle(&self, which: Settle) -> Result<usize, Error> {
        Ok(self.corridor.settle(which).await?)
    }

    /// Returns what the background jobs work on.
    fn jobs(&self, presence: &Presence) -> Result<JobParts, Error> {
        Ok(JobParts {
            clock_watch: self.watch_clock(),
            store: self.store.clone(),
            corridor: Arc::clone(&self.corridor),
            acme: Arc::clone(&self.acme),
            revocation: self.revocation.clone(),
            certificate: Arc::clone(&self.certificate),
            clock: Arc::clone(&self.clock),
            config: self.config.clone(),
            roots: Arc::clone(&self.roots),
            seal: Arc::clone(&self.seal),
            receiver: self.receiver.clone(),
            leases: Arc::clone(&self.leases),
            duties: self.duties.clone(),
            presence: presence.clone(),
            metrics: self.metrics.clone(),
        })
    }

    fn watch_clock(&self) -> ClockWatch {
        let now = self.clock.now();
        let watch = ClockWatch::begin(self.newest_event, now, Instant::now());
        if let Some(newest) = self.newest_event.filter(|_| !watch.is_trusted()) {
            tracing::error!(
                %now,
                %newest,
                "the system's clock is far from the newest event: nothing is pruned for a day"
            );
        }
        watch
    }

    /// Finishes what is under way and closes the store.
    pub(crate) async fn close(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.store.close().await;
    }
}

async fn access(
    config: &Config,
    store: &Store,
    corridor: &Arc<Corridor>,
) -> Result<Arc<Access>, Error> {
    let access = Access::new(AccessParts {
        store: Arc::new(store.clone()) as Arc<dyn IdentityStore>,
        corridor: Arc::clone(corridor),
        external_url: config.server.external_url.clone(),
        rules: rules::build(config)?,
    })
    .await
    .map_err(|error| Error::Identity(Box::new(error)))?;
    Ok(Arc::new(access))
}

async fn acme(
    config: &Config,
    store: &Store,
    access: &Arc<Access>,
    (corridor, tasks): (&Arc<Corridor>, &TaskTracker),
) -> Result<Arc<Acme>, Error> {
    let validator = NetworkValidator::new(validation_settings(config));
    let acme = Acme::new(AcmeParts {
        store: Arc::new(store.clone()) as Arc<dyn AcmeStore>,
        corridor: Arc::clone(corridor),
        access: Arc::clone(access),
        validator: Arc::new(validator) as Arc<dyn Validator>,
        tasks: tasks.clone(),
        external_url: config.server.external_url.clone(),
        directories: profiles::directories(config)?,
        limits: config.limits.to_acme(),
    })
    .await
    .map_err(|error| Error::Acme(Box::new(error)))?;
    Ok(Arc::new(acme))
}

/// Returns what the room that calls out may do, whatever it calls out for.
fn validation_settings(config: &Config) -> Settings {
    let validation = &config.validation;
    Settings {
        http_port: validation.http_port,
        https_port: validation.https_port,
        tls_alpn_port: validation.tls_alpn_port,
        resolvers: validation.resolvers.clone(),
        allow_networks: validation.allow_networks.clone(),
        caa_identities: validation.caa_identities.clone(),
        concurrency: validation.concurrency,
        ..Settings::default()
    }
}

/// A clock years off would issue certificates that nobody accepts, or that outlive their day.
fn refuse_impossible_time(now: Timestamp) -> Result<(), Error> {
    if (EARLIEST..LATEST).contains(&now.unix_secs()) {
        Ok(())
    } else {
        Err(Error::Clock(now.to_string()))
    }
}

/// 2026-01-01: before this program existed.
const EARLIEST: i64 = 1_767_225_600;
/// 2100-01-01.
const LATEST: i64 = 4_102_444_800;

/// How long shutdown waits for work under way.
pub(crate) const DRAIN: Duration = Duration::from_secs(30);
