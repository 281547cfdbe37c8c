//! OCSP: what is known of certificates, signed with a delegated key and kept while it is true.
//!
//! A revocation made on this server is in the very next answer: an answer is tagged with the count
//! of revocations read before the ledger was asked, and is served again only while that count
//! stands. Revocations made on other servers are counted by their epoch. Where servers share a
//! store it is asked for before a kept answer is served again, once for all requests that wait, so
//! that a revocation made anywhere is in the very next answer everywhere.

mod answer;
mod cache;
mod hearing;
mod identity;
mod rendition;

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ca_keys::KeyError;
use ca_pki::Timestamp;
use ca_pki::csr::CsrError;
use ca_pki::ocsp::{IssuerHashes, OcspFailure, OcspRequest};
use tokio::sync::watch;

use self::cache::{AnswerCache, Generation};
use self::hearing::Hearing;
pub use self::identity::{ResponderIdentity, responder_profile};
pub use self::rendition::Rendition;
use crate::corridor::Corridor;
use crate::error::IssuanceError;
use crate::issuer::Issuer;
use crate::ledger::{Ledger, LedgerError};
use crate::world::Clock;

/// How long answers hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RespondSchedule {
    /// nextUpdate - thisUpdate, unless responder or certificate end before.
    pub lifetime: Duration,
    /// How often the ledger is asked whether another server revoked something.
    pub poll: Duration,
    /// Whether it is asked before each kept answer, too.
    pub others: Others,
}

/// How a responder hears of revocations that others make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// There is no other server; a command beside this one is heard of within a poll.
    Polled,
    /// Other servers revoke, too: the ledger is asked before a kept answer is served again.
    Asked,
}

/// A signed answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspAnswer {
    /// The OCSPResponse.
    pub der: Arc<[u8]>,
    /// For HTTP caches; `None` if nobody may keep the answer.
    pub freshness: Option<Freshness>,
    /// How it is served, made once.
    pub rendition: Rendition,
}

/// How long an answer may be kept by those who cannot hear of a revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// thisUpdate.
    pub this_update: Timestamp,
    /// nextUpdate.
    pub next_update: Timestamp,
    /// SHA-256 of the DER in hex.
    pub etag: Arc<str>,
}

/// Why there is no signed answer.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// Every CertID names another issuer: the client asks elsewhere.
    #[error("the OCSP request is about certificates of another issuer")]
    NotOurs,
    /// There is no responder certificate that is valid now; one is being issued.
    #[error("the OCSP responder has no valid certificate yet")]
    NoIdentity,
    /// The store could not read.
    #[error("the store could not tell a certificate's status")]
    Ledger(#[from] LedgerError),
    /// The responder's key did not sign.
    #[error("the OCSP response could not be signed")]
    Key(#[from] KeyError),
}

/// Why there is no new responder certificate; the one before stays in use.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The corridor issued none.
    #[error("the OCSP responder's certificate was not issued")]
    Issuance(#[from] IssuanceError),
    /// The key in memory could not be made or used.
    #[error("the OCSP responder's key failed")]
    Key(#[from] KeyError),
    /// The request for the certificate does not read back.
    #[error("the OCSP responder's own CSR was refused")]
    Csr(#[from] CsrError),
}

/// Answers for one issuer.
pub struct OcspResponder {
    issuer: Issuer,
    issuer_hashes: IssuerHashes,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    schedule: RespondSchedule,
    revocations_here: watch::Receiver<u64>,
    epoch: AtomicU64,
    hearing: Hearing,
    identity: RwLock<Option<Arc<ResponderIdentity>>>,
    answers: AnswerCache,
}

impl OcspResponder {
    /// Prepares to answer for `issuer`; it has no certificate yet (see [`OcspResponder::renew`]).
    pub fn new(corridor: &Corridor, issuer: &Issuer, schedule: RespondSchedule) -> Self {
        Self {
            issuer: issuer.clone(),
            issuer_hashes: IssuerHashes::of(issuer.certificate()),
            ledger: Arc::clone(corridor.ledger()),
            clock: Arc::clone(corridor.clock()),
            schedule,
            revocations_here: corridor.watch_revocations(),
            epoch: AtomicU64::new(0),
            hearing: Hearing::default(),
            identity: RwLock::new(None),
            answers: AnswerCache::default(),
        }
    }

    /// Makes a key, has its certificate issued through the corridor, and answers with it from now
    /// on. Answers signed with the one before stay good until their own end.
    pub async fn renew(&self, corridor: &Arc<Corridor>) -> Result<(), IdentityError> {
        let identity = ResponderIdentity::issue(corridor, &self.issuer).await?;
        *self
            .identity
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(identity));
        Ok(())
    }

    /// Returns the answer to a request in DER, if one is kept that is still true.
    ///
    /// Quick: neither the request is parsed nor anything looked up but the answer.
    pub async fn kept(&self, unverified_request: &[u8]) -> Option<OcspAnswer> {
        let place = OcspRequest::lone_cert_id(unverified_request)?;
        let generation = self.generation();
        let kept = self.answers.find(place, generation, self.clock.now())?;
        self.is_still(generation).await.then_some(kept)
    }

    /// Returns whether it is time for [`OcspResponder::renew`]: half of the life is over, or it has
    /// not begun, because the certificate was issued while the clock was ahead.
    pub fn renewal_due(&self) -> bool {
        let now = self.clock.now();
        self.current_identity()
            .is_none_or(|identity| identity.half_over(now) || !identity.validity().contains(now))
    }

    /// Takes note of revocations that other servers made.
    pub async fn refresh(&self) -> Result<(), LedgerError> {
        let epoch = self.ledger.revocation_epoch(self.issuer.name()).await?;
        self.epoch.store(epoch, Ordering::Release);
        Ok(())
    }

    /// Keeps certificate and cache up to date until `stop`. Failures are logged and tried again
    /// with growing pauses.
    pub async fn run(&self, corridor: &Arc<Corridor>, stop: impl Future<Output = ()>) {
        match self.schedule.others {
            Others::Polled => self.keep_up(corridor, stop).await,
            Others::Asked => tokio::select! {
                () = self.keep_up(corridor, stop) => {}
                () = self.listen() => {}
            },
        }
    }

    async fn keep_up(&self, corridor: &Arc<Corridor>, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut rest = self.schedule.poll;
        loop {
            rest = match self.turn(corridor).await {
                Ok(()) => self.schedule.poll,
                Err(error) => {
                    let issuer = self.issuer.name();
                    tracing::warn!(
                        issuer,
                        error = &*error as &dyn Error,
                        "the OCSP responder is not up to date"
                    );
                    (rest * 2).min(LONGEST_REST)
                }
            };
            tokio::select! {
                () = &mut stop => return,
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    async fn turn(&self, corridor: &Arc<Corridor>) -> Result<(), Box<dyn Error + Send + Sync>> {
        match self.schedule.others {
            Others::Polled => self.refresh().await?,
            Others::Asked => self.hear().await?,
        }
        if self.renewal_due() {
            self.renew(corridor).await?;
        }
        Ok(())
    }

    fn generation(&self) -> Generation {
        Generation {
            here: *self.revocations_here.borrow(),
            everywhere: self.epoch.load(Ordering::Acquire),
        }
    }

    fn current_identity(&self) -> Option<Arc<ResponderIdentity>> {
        self.identity
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn identity_at(&self, now: Timestamp) -> Option<Arc<ResponderIdentity>> {
        self.current_identity()
            .filter(|identity| identity.validity().contains(now))
    }
}

impl AnswerError {
    /// Returns what the client is told.
    pub fn failure(&self) -> OcspFailure {
        match self {
            Self::NotOurs => OcspFailure::Unauthorized,
            Self::NoIdentity
            | Self::Ledger(LedgerError::Unavailable { .. })
            | Self::Key(KeyError::Unavailable { .. } | KeyError::DeadlineExceeded) => {
                OcspFailure::TryLater
            }
            Self::Ledger(
                LedgerError::Conflict
                | LedgerError::GrantUsedUp
                | LedgerError::GrantWithdrawn
                | LedgerError::Duplicate
                | LedgerError::Corrupt(_),
            )
            | Self::Key(
                KeyError::Uri(_) | KeyError::Secret(_) | KeyError::Key(_) | KeyError::Device(_),
            ) => OcspFailure::InternalError,
        }
    }
}

impl Default for RespondSchedule {
    /// Answers of an hour; other servers' revocations are asked for each second.
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(3_600),
            poll: Duration::from_secs(1),
            others: Others::Polled,
        }
    }
}

/// The longest rest after failures.
const LONGEST_REST: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
