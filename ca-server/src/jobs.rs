//! Background work: each job a loop that ends when the server stops.

mod audit;
mod clock;
mod pulse;
mod server_certificate;
mod unbroken;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use ca_acme::{Acme, AcmeStore};
use ca_issuance::audit::chain::Seal;
use ca_issuance::audit::export::Receiver;
use ca_issuance::{Clock, Corridor, Lease, LeaseKeeper, Settle};
use ca_store::Store;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use self::clock::ClockWatch;
use self::unbroken::unbroken;
use crate::app::{Duties, Revocation, expiry, roots};
use crate::config::Config;
use crate::http::pki::Roots;
use crate::http::presence::Presence;
use crate::tls::ServerCertificate;

/// What the jobs work on.
pub(crate) struct JobParts {
    /// What is pruned and sealed.
    pub(crate) store: Store,
    /// What is settled, and signs.
    pub(crate) corridor: Arc<Corridor>,
    /// What publishes, by issuer.
    pub(crate) revocation: BTreeMap<String, Revocation>,
    /// What resumes validations that a server left behind.
    pub(crate) acme: Arc<Acme>,
    /// What is renewed.
    pub(crate) certificate: Arc<ServerCertificate>,
    /// Time.
    pub(crate) clock: Arc<dyn Clock>,
    /// What tells whether time can be believed.
    pub(crate) clock_watch: ClockWatch,
    /// Where root CRLs are and how long expired certificates are kept.
    pub(crate) config: Config,
    /// What is read again.
    pub(crate) roots: Arc<ArcSwap<Roots>>,
    /// What seals the audit log.
    pub(crate) seal: Arc<dyn Seal>,
    /// Who gets a copy of it.
    pub(crate) receiver: Option<Arc<dyn Receiver>>,
    /// What claims the leases.
    pub(crate) leases: Arc<LeaseKeeper>,
    /// What is done under leases.
    pub(crate) duties: Duties,
    /// Where it is noted that the database is away.
    pub(crate) presence: Presence,
    /// What was counted and timed.
    pub(crate) metrics: PrometheusHandle,
}

/// The running jobs.
pub(crate) struct Jobs {
    tracker: TaskTracker,
    leases: Arc<LeaseKeeper>,
}

impl Jobs {
    /// Starts every job.
    pub(crate) fn start(parts: JobParts, stop: CancellationToken) -> Self {
        let tracker = TaskTracker::new();
        let leases = Arc::clone(&parts.leases);
        let parts = Arc::new(parts);
        let keeper = Arc::clone(&leases);
        let keep = async move |stop: &CancellationToken| keeper.run(stop.cancelled()).await;
        tracker.spawn(unbroken("keep-leases", stop.clone(), keep));
        for revocation in parts.revocation.values().cloned() {
            let Revocation {
                publisher,
                responder,
            } = revocation;
            let publish = async move |stop: &CancellationToken| {
                publisher.run(stop.cancelled()).await;
            };
            tracker.spawn(unbroken("publish-crl", stop.clone(), publish));
            let corridor = Arc::clone(&parts.corridor);
            let respond = async move |stop: &CancellationToken| {
                responder.run(&corridor, stop.cancelled()).await;
            };
            tracker.spawn(unbroken("renew-responder", stop.clone(), respond));
        }
        if parts.config.database.is_shared() {
            let (store, presence) = (parts.store.clone(), parts.presence.clone());
            let watch = async move |stop: &CancellationToken| {
                pulse::watch(&store, &presence, stop).await;
            };
            tracker.spawn(unbroken("watch-database", stop.clone(), watch));
        }
        let repeat = |every: Duration, job: Job| {
            let parts = Arc::clone(&parts);
            let repeat = async move |stop: &CancellationToken| {
                repeat(every, job, &parts, stop).await;
            };
            tracker.spawn(unbroken(job.name(), stop.clone(), repeat));
        };
        repeat(Duration::from_secs(60), Job::Settle);
        repeat(Duration::from_secs(60), Job::ResumeValidations);
        repeat(Duration::from_secs(60), Job::ReadRoots);
        repeat(Duration::from_secs(600), Job::Prune);
        repeat(SEALING, Job::SealAudit);
        repeat(EXPORTING, Job::ExportAudit);
        repeat(WATCHING, Job::WatchClock);
        repeat(SUMMING_UP, Job::SumUpMetrics);
        if !parts.config.database.is_shared() {
            repeat(CHECKPOINTS, Job::Checkpoint);
        }
        let renew = async move |stop: &CancellationToken| {
            server_certificate::keep_renewed(&parts, stop).await;
        };
        tracker.spawn(unbroken("renew-certificate", stop, renew));
        tracker.close();
        Self { tracker, leases }
    }

    /// Waits for the jobs to end after they were told to stop, then leaves their work to others.
    pub(crate) async fn finish(self) {
        self.tracker.wait().await;
        self.leases.give_back().await;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Job {
    Settle,
    ResumeValidations,
    ReadRoots,
    Prune,
    WatchClock,
    SealAudit,
    ExportAudit,
    Checkpoint,
    SumUpMetrics,
}

impl Job {
    fn name(self) -> &'static str {
        match self {
            Self::Settle => "settle",
            Self::ResumeValidations => "resume-validations",
            Self::ReadRoots => "read-roots",
            Self::Prune => "prune",
            Self::WatchClock => "watch-clock",
            Self::SealAudit => "seal-audit",
            Self::ExportAudit => "export-audit",
            Self::Checkpoint => "checkpoint",
            Self::SumUpMetrics => "sum-up-metrics",
        }
    }
}

async fn repeat(every: Duration, job: Job, parts: &JobParts, stop: &CancellationToken) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = ticks.tick() => {}
        }
        tokio::select! {
            () = run(job, parts) => {}
            () = abandoned(job, stop) => break,
        }
    }
    // Nothing stays open behind a server that was stopped in order.
    if job == Job::SealAudit {
        audit::seal(parts).await;
    }
}

/// What may take long must not hold up the server's end: what a slow receiver of the audit log was
/// about to get it gets again, and what was not pruned yet is pruned next time. Every other job is
/// waited for.
async fn abandoned(job: Job, stop: &CancellationToken) {
    match job {
        Job::ExportAudit | Job::Prune => stop.cancelled().await,
        Job::Settle
        | Job::ResumeValidations
        | Job::ReadRoots
        | Job::WatchClock
        | Job::SealAudit
        | Job::Checkpoint
        | Job::SumUpMetrics => std::future::pending().await,
    }
}

async fn run(job: Job, parts: &JobParts) {
    match job {
        Job::Settle if is_ours(&parts.duties.upkeep) => settle(parts).await,
        Job::ResumeValidations if is_ours(&parts.duties.upkeep) => resume_validations(parts).await,
        Job::Prune if is_ours(&parts.duties.upkeep) => prune(parts).await,
        Job::Settle => compare_clocks(parts).await,
        Job::ResumeValidations | Job::Prune => {}
        Job::ReadRoots => read_roots(parts),
        Job::WatchClock => watch_clock(parts),
        Job::SealAudit => audit::seal(parts).await,
        Job::ExportAudit => audit::export(parts).await,
        Job::Checkpoint => checkpoint(parts).await,
        // Each time that was taken is kept until then, also where nobody ever asks for metrics.
        Job::SumUpMetrics => parts.metrics.run_upkeep(),
    }
}

/// Upkeep needs no fence: each of its steps is a compare-and-swap or can be done twice.
fn is_ours(work: &Lease) -> bool {
    work.fence().is_some()
}

/// Whatever fails here fails at the next commit, too, which then does it and is heard of.
async fn checkpoint(parts: &JobParts) {
    if let Err(error) = parts.store.checkpoint().await {
        tracing::debug!(%error, "no checkpoint of the database, trying again in five seconds");
    }
}

async fn settle(parts: &JobParts) {
    match parts.corridor.settle(Settle::Overdue).await {
        Ok(0) => {}
        Ok(settled) => tracing::warn!(settled, "burned serials whose issuance never finished"),
        Err(error) => tracing::error!(%error, "settling failed, trying again in a minute"),
    }
}

/// Whoever settles does so by the clock that all share: what this server issues is dated by it.
async fn compare_clocks(parts: &JobParts) {
    if let Err(error) = parts.corridor.compare_clocks().await {
        tracing::warn!(%error, "the database's clock is not read, trying again in a minute");
    }
}

/// Another server may have died with validations under way. One that is alive finishes its own:
/// whoever is second then finds the challenge concluded.
async fn resume_validations(parts: &JobParts) {
    if let Err(error) = parts.acme.resume_interrupted_validations().await {
        tracing::error!(%error, "interrupted validations are not resumed, trying again in a minute");
    }
}

async fn prune(parts: &JobParts) {
    // The clock may have jumped since it was looked at.
    watch_clock(parts);
    if !parts.clock_watch.is_trusted() {
        tracing::warn!("nothing is pruned: the system's clock is in doubt");
        return;
    }
    let now = parts.clock.now();
    match parts
        .store
        .prune(now, now.minus(parts.config.database.retention.0))
        .await
    {
        Ok(pruned) => tracing::info!(?pruned, "pruned"),
        Err(error) => tracing::error!(%error, "pruning failed, trying again later"),
    }
}

fn watch_clock(parts: &JobParts) {
    let finding = parts.clock_watch.observe(parts.clock.now(), Instant::now());
    finding.report();
    let in_doubt = u8::from(!parts.clock_watch.is_trusted());
    metrics::gauge!("ca_clock_in_doubt").set(in_doubt);
}

/// A root CRL that does not read keeps the one before: the operator sees the log.
fn read_roots(parts: &JobParts) {
    match roots::load(&parts.config, &parts.corridor) {
        Ok(fresh) => parts.roots.store(Arc::new(fresh)),
        Err(error) => tracing::error!(error = error.in_full(), "a root's CRL is not read again"),
    }
    expiry::observe(&parts.corridor, &parts.roots.load(), &parts.certificate);
}

const WATCHING: Duration = Duration::from_secs(5);
const SEALING: Duration = Duration::from_secs(10);
const EXPORTING: Duration = Duration::from_secs(5);
const CHECKPOINTS: Duration = Duration::from_secs(5);
const SUMMING_UP: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn only_what_may_take_long_is_left_when_the_server_stops() {
        let stop = CancellationToken::new();
        stop.cancel();
        let jobs = [
            Job::Settle,
            Job::ResumeValidations,
            Job::ReadRoots,
            Job::Prune,
            Job::WatchClock,
            Job::SealAudit,
            Job::ExportAudit,
            Job::Checkpoint,
            Job::SumUpMetrics,
        ];

        let is_left = |job: &Job| abandoned(*job, &stop).now_or_never().is_some();
        let left: Vec<Job> = jobs.into_iter().filter(is_left).collect();

        assert_eq!(left, [Job::Prune, Job::ExportAudit]);
    }
}
