//! CRLs: built from what is revoked, signed, verified, made durable, then kept in memory.
//!
//! Of several servers one publishes for an issuer: the one that holds the lease. The others see by
//! the epoch that a revocation is to be listed and adopt what the holder publishes. The ledger
//! takes a CRL only from the present holder, and none whose number or epoch lies before that of
//! the one it has.
//!
//! The ledger keeps what a CRL is made of and its signature, not the list: a million entries are
//! 40 MB. A server that adopts one puts the list together and verifies. Revocations have numbers,
//! so a list is the one before, shared, and what came since; ended certificates are left out
//! when the schedule has the list made anew.

mod adopt;
mod build;
mod contents;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use ca_keys::KeyError;
use ca_pki::crl::SignedCrl;
use ca_pki::{Timestamp, hex};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::corridor::Corridor;
use crate::issuer::Issuer;
use crate::lease::Lease;
use crate::ledger::{Ledger, LedgerError, PublishedCrl};
use crate::world::{CLOCKS_APART, Clock};

/// When CRLs are made and how long they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishSchedule {
    /// nextUpdate - thisUpdate.
    pub lifetime: Duration,
    /// How old a CRL may grow before the next one, though nothing was revoked.
    pub every: Duration,
    /// How often the ledger is asked whether another server revoked something.
    pub poll: Duration,
    /// The rest between two CRLs, so that a burst of revocations makes few of them.
    pub pause: Duration,
}

/// The current CRL, ready to be served.
#[derive(Clone, Debug)]
pub struct CurrentCrl {
    /// What the ledger holds of it.
    pub published: PublishedCrl,
    /// The CRL.
    pub crl: SignedCrl,
    /// SHA-256 of the signature in hex: changes exactly when the CRL does.
    pub etag: Arc<str>,
}

/// How the current CRL stands to what is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It lists all that was revoked when the ledger was asked.
    UpToDate,
    /// Another server is about to publish a later one.
    Awaited,
}

/// Why no CRL was published; the one before stays in use.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The store could not read or write.
    #[error("the store could not do its part of publishing a CRL")]
    Ledger(#[from] LedgerError),
    /// The signer did not sign.
    #[error("the CRL could not be signed")]
    Key(#[from] KeyError),
    /// The signer signed something else.
    #[error("the signature over the CRL does not verify: the signer is faulty")]
    BadSignature,
    /// The process is about to end.
    #[error("publishing was interrupted")]
    Interrupted,
}

/// Publishes one issuer's CRLs.
pub struct CrlPublisher {
    issuer: Issuer,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    schedule: PublishSchedule,
    lease: Lease,
    revocations: watch::Receiver<u64>,
    current: RwLock<Option<Arc<CurrentCrl>>>,
}

impl CrlPublisher {
    /// Prepares to publish for `issuer` under `lease`; nothing is published yet.
    pub fn new(
        corridor: &Corridor,
        issuer: &Issuer,
        schedule: PublishSchedule,
        lease: Lease,
    ) -> Self {
        Self {
            issuer: issuer.clone(),
            ledger: Arc::clone(corridor.ledger()),
            clock: Arc::clone(corridor.clock()),
            schedule,
            lease,
            revocations: corridor.watch_revocations(),
            current: RwLock::new(None),
        }
    }

    /// Returns the current CRL; `None` before the first [`CrlPublisher::refresh`].
    pub fn current(&self) -> Option<Arc<CurrentCrl>> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Brings the current CRL up to date: keeps it, adopts another server's, or publishes one
    /// where that is this server's work.
    ///
    /// The epoch is read before the rows, so a revocation that comes in between is at worst
    /// published twice, never missed.
    pub async fn refresh(&self) -> Result<Standing, PublishError> {
        let epoch = self.ledger.revocation_epoch(self.issuer.name()).await?;
        if self.is_up_to(epoch) {
            return Ok(Standing::UpToDate);
        }
        self.adopt_newer().await?;
        if self.is_up_to(epoch) {
            return Ok(Standing::UpToDate);
        }
        match self.lease.fence() {
            Some(fence) => self.publish(epoch, &fence).await,
            None => Ok(Standing::Awaited),
        }
    }

    /// Publishes until `stop`: within `pause` of a revocation made here, within `poll` of one made
    /// elsewhere, and on schedule. A failure is logged and tried again with growing pauses; where
    /// it is this server's own, the work is left to others after a while.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut revocations = self.revocations.clone();
        let mut rest = self.schedule.poll;
        loop {
            revocations.mark_unchanged();
            rest = self.look(rest).await;
            tokio::select! {
                () = &mut stop => return,
                () = self.turn(&mut revocations, rest) => {}
            }
        }
    }

    /// Refreshes once, after a rest of `rest`; returns how long to rest now.
    async fn look(&self, rest: Duration) -> Duration {
        match self.refresh().await {
            Ok(Standing::UpToDate) => {
                self.lease.succeeded();
                self.schedule.poll
            }
            Ok(Standing::Awaited) => self.schedule.pause,
            Err(error) => {
                let issuer = self.issuer.name();
                let cause = &error as &(dyn std::error::Error + 'static);
                tracing::warn!(issuer, error = cause, "no new CRL");
                match error.is_of_this_server() && self.lease.failed(cause) {
                    // From now on another server's CRL is awaited.
                    true => self.schedule.pause,
                    false => (rest * 2).min(LONGEST_REST),
                }
            }
        }
    }

    /// Waits for the next reason to look.
    async fn turn(&self, revocations: &mut watch::Receiver<u64>, rest: Duration) {
        sleep(self.schedule.pause).await;
        match timeout(rest, revocations.changed()).await {
            Ok(Ok(())) | Err(_) => {}
            // The corridor is gone, so nobody revokes any more: only the schedule is left.
            Ok(Err(_)) => sleep(rest).await,
        }
    }

    fn is_up_to(&self, epoch: u64) -> bool {
        self.current()
            .is_some_and(|crl| self.holds(&crl.published, epoch))
    }

    /// Returns whether `crl` covers every revocation up to `epoch` and is young enough.
    fn holds(&self, crl: &PublishedCrl, epoch: u64) -> bool {
        let now = self.clock.now();
        let due = crl
            .this_update
            .plus(self.schedule.every.min(self.schedule.lifetime / 2));
        crl.revocation_epoch >= epoch && now < due && crl.this_update <= now.plus(CLOCKS_APART)
    }

    /// Keeps the stored CRL if it is later than the present one, though it may lack the latest
    /// revocations: whoever asks meanwhile gets the best there is.
    async fn adopt_newer(&self) -> Result<(), PublishError> {
        let name = self.issuer.name();
        let present = self.current().map(|crl| crl.published.number);
        // Asked first, for a large list is not put together for nothing.
        if self.ledger.current_crl_number(name).await? <= present {
            return Ok(());
        }
        let latest = self.clock.now().plus(CLOCKS_APART);
        if let Some(stored) = self.ledger.current_crl(name).await?
            && stored.this_update <= latest
            && let Some(adopted) = self.adopt(stored).await?
        {
            self.keep(adopted);
        }
        Ok(())
    }

    fn keep(&self, crl: CurrentCrl) {
        let issuer = self.issuer.name().to_owned();
        let published = &crl.published;
        metrics::gauge!("ca_crl_number", "issuer" => issuer.clone()).set(published.number as f64);
        metrics::gauge!("ca_crl_this_update_seconds", "issuer" => issuer.clone())
            .set(published.this_update.unix_secs() as f64);
        metrics::gauge!("ca_crl_next_update_seconds", "issuer" => issuer)
            .set(published.next_update.unix_secs() as f64);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(crl));
    }
}

impl PublishError {
    /// Returns whether another server, which has a signer of its own, may be able to publish.
    fn is_of_this_server(&self) -> bool {
        match self {
            Self::Key(_) | Self::BadSignature => true,
            Self::Ledger(_) | Self::Interrupted => false,
        }
    }
}

impl Default for PublishSchedule {
    /// A day's CRL each hour, two looks a second apart at most, four CRLs a second at most.
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(24 * 3_600),
            every: Duration::from_secs(3_600),
            poll: Duration::from_secs(1),
            pause: Duration::from_millis(250),
        }
    }
}

impl CurrentCrl {
    /// Derives what is served from what was signed.
    fn new(published: PublishedCrl, crl: SignedCrl) -> Self {
        let hash = digest(&SHA256, &published.signature);
        Self {
            etag: hex::lower(hash.as_ref()).into(),
            published,
            crl,
        }
    }

    /// Returns thisUpdate.
    pub fn this_update(&self) -> Timestamp {
        self.published.this_update
    }

    /// Returns nextUpdate.
    pub fn next_update(&self) -> Timestamp {
        self.published.next_update
    }
}

/// Runs `work`, which may take long with a million entries, where it holds up no other task.
async fn offload<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PublishError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_join_error| PublishError::Interrupted)
}

/// The longest rest after failures: a token that comes back is noticed within it.
const LONGEST_REST: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
