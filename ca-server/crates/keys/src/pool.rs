//! The threads that sign for one token key, and the queue that feeds them.
//!
//! Tokens block, so each thread owns one session and nothing else touches it. The queue is
//! bounded: when it is full, the answer is "later", at once.

mod breaker;
mod health;
mod load;
mod reply;
mod threads;
mod worker;

use std::num::NonZeroUsize;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use self::health::Health;
use self::load::Load;
use self::reply::Reply;
use self::threads::Threads;
use self::worker::Worker;
use crate::meters::{Meters, Outcome};
use crate::{KeyError, SignerOptions};

pub use self::load::Place;

/// What makes sessions and signs in them. Both calls may block for as long as they like.
pub(crate) trait Device: Send + Sync + 'static {
    /// A session, used by one thread only.
    type Session: Send + 'static;

    /// Opens a session that is ready to sign.
    fn connect(&self) -> Result<Self::Session, Fault>;

    /// Signs prepared input.
    fn sign(&self, session: &Self::Session, input: &[u8]) -> Result<Vec<u8>, Fault>;
}

/// Why a device did not sign.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The session or the device went away; a new session may cure it.
    Lost(String),
    /// A new session changes nothing.
    Broken(KeyError),
}

impl From<Fault> for KeyError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Lost(reason) => Self::Device(reason),
            Fault::Broken(error) => error,
        }
    }
}

/// Threads that sign, behind a bounded queue and a circuit breaker.
#[derive(Debug)]
pub(crate) struct Pool {
    queue: SyncSender<Job>,
    health: Arc<Health>,
    load: Arc<Load>,
    meters: Meters,
    /// Behind the queue: dropped after it.
    threads: Threads,
}

/// One signature to make.
struct Job {
    input: Vec<u8>,
    deadline: Instant,
    reply: Reply,
}

impl Pool {
    /// Starts the threads; the first takes over `session`, the others connect when needed. Without
    /// a session the breaker is open at first: the device is known to be away.
    pub(crate) fn start<D: Device>(
        device: Arc<D>,
        session: Result<D::Session, &KeyError>,
        options: &SignerOptions,
        meters: Meters,
    ) -> Result<Self, KeyError> {
        let (queue, jobs) = mpsc::sync_channel(options.queue.get());
        let mut pool = Self {
            queue,
            health: Arc::new(Health::new(options.breaker, meters.clone())),
            load: Arc::new(Load::new(thread_count(options), options)),
            meters,
            threads: Threads::new(),
        };
        let jobs = Arc::new(Mutex::new(jobs));
        let mut session = match session {
            Ok(session) => Some(session),
            Err(reason) => {
                pool.health.distrust(reason);
                None
            }
        };
        for _thread in 0..thread_count(options) {
            pool.spawn(Arc::clone(&device), session.take(), Arc::clone(&jobs))?;
        }
        Ok(pool)
    }

    /// Tells whether the breaker would let a request through now.
    pub(crate) fn check_available(&self) -> Result<(), KeyError> {
        self.health.check(Instant::now())
    }

    /// Takes a place in the queue, or says when to come back.
    pub(crate) fn reserve(&self) -> Result<Place, KeyError> {
        let now = Instant::now();
        let place = self.health.check(now).and_then(|()| self.load.reserve(now));
        if place.is_err() {
            self.meters.answered(Outcome::TurnedAway, now.elapsed());
        }
        place
    }

    /// Opens the breaker, and lets the sessions at hand sign nothing more: a signature was wrong.
    pub(crate) fn distrust(&self) {
        let reason = KeyError::Device("a signature does not verify".into());
        self.health.distrust(&reason);
    }

    /// Waits for a signature without blocking the runtime, until `deadline` at most.
    pub(crate) async fn sign(
        &self,
        input: Vec<u8>,
        deadline: Instant,
    ) -> Result<Vec<u8>, KeyError> {
        let started = Instant::now();
        let (reply, answer) = oneshot::channel();
        let result = match self.submit(input, deadline, Reply::Task(reply)) {
            Err(error) => Err(error),
            Ok(()) => match tokio::time::timeout_at(deadline.into(), answer).await {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(self.thread_lost()),
                Err(_) => Err(self.missed_deadline(started)),
            },
        };
        self.meters
            .answered(Outcome::of(&result), started.elapsed());
        result
    }

    /// Waits for a signature on the calling thread, until `deadline` at most.
    pub(crate) fn sign_blocking(
        &self,
        input: Vec<u8>,
        deadline: Instant,
    ) -> Result<Vec<u8>, KeyError> {
        let started = Instant::now();
        let (reply, answer) = mpsc::sync_channel(1);
        let result = match self.submit(input, deadline, Reply::Thread(reply)) {
            Err(error) => Err(error),
            Ok(()) => {
                match answer.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                    Ok(result) => result,
                    Err(mpsc::RecvTimeoutError::Disconnected) => Err(self.thread_lost()),
                    Err(mpsc::RecvTimeoutError::Timeout) => Err(self.missed_deadline(started)),
                }
            }
        };
        self.meters
            .answered(Outcome::of(&result), started.elapsed());
        result
    }

    fn submit(&self, input: Vec<u8>, deadline: Instant, reply: Reply) -> Result<(), KeyError> {
        let now = Instant::now();
        if deadline <= now {
            return Err(KeyError::DeadlineExceeded);
        }
        self.health.admit(now)?;
        self.meters.queued();
        let job = Job {
            input,
            deadline,
            reply,
        };
        let Err(refused) = self.queue.try_send(job) else {
            return Ok(());
        };
        self.meters.dequeued();
        match refused {
            TrySendError::Full(_) => {
                self.health.crowded(now);
                Err(KeyError::Unavailable {
                    retry_after: RETRY_WHEN_FULL,
                })
            }
            TrySendError::Disconnected(_) => Err(self.thread_lost()),
        }
    }

    /// The thread may hang in its device, so only the caller can report it. A device that signed
    /// for others meanwhile has too much to do, and a breaker would not give it more time.
    fn missed_deadline(&self, started: Instant) -> KeyError {
        let error = KeyError::DeadlineExceeded;
        if !self.load.has_signed_since(started) {
            self.health.failed(&error);
        }
        error
    }

    fn thread_lost(&self) -> KeyError {
        let error = KeyError::Device("a signing thread ended".into());
        self.health.failed(&error);
        error
    }

    fn spawn<D: Device>(
        &mut self,
        device: Arc<D>,
        session: Option<D::Session>,
        jobs: Arc<Mutex<Receiver<Job>>>,
    ) -> Result<(), KeyError> {
        let worker = Worker {
            device,
            session,
            jobs,
            trust: self.health.trust(),
            health: Arc::clone(&self.health),
            load: Arc::clone(&self.load),
            meters: self.meters.clone(),
        };
        self.threads.spawn(move || worker.run())
    }
}

fn thread_count(options: &SignerOptions) -> usize {
    options
        .sessions
        .or_else(|| thread::available_parallelism().ok())
        .map_or(1, NonZeroUsize::get)
}

const RETRY_WHEN_FULL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
