//! One signing thread: its session, and how it gets another when that is lost.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::health::{Health, Trust};
use super::load::Load;
use super::{Device, Fault, Job};
use crate::KeyError;
use crate::meters::Meters;

/// A signing thread's belongings.
pub(super) struct Worker<D: Device> {
    pub(super) device: Arc<D>,
    pub(super) session: Option<D::Session>,
    pub(super) jobs: Arc<Mutex<Receiver<Job>>>,
    /// What was held of the device when `session` was opened.
    pub(super) trust: Trust,
    pub(super) health: Arc<Health>,
    pub(super) load: Arc<Load>,
    pub(super) meters: Meters,
}

impl<D: Device> Worker<D> {
    /// Serves jobs until the pool is dropped.
    pub(super) fn run(mut self) {
        while let Some(job) = self.next_job() {
            self.meters.dequeued();
            self.serve(job);
        }
    }

    /// Waits for a job; the lock passes the waiting from one idle thread to the next.
    fn next_job(&self) -> Option<Job> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.recv().ok()
    }

    fn serve(&mut self, job: Job) {
        if job.reply.is_abandoned() {
            return;
        }
        let result = if job.deadline <= Instant::now() {
            Err(KeyError::DeadlineExceeded)
        } else {
            self.sign(&job)
        };
        match &result {
            // A signature that came too late is no sign of health: its caller reported a failure.
            Ok(_) if Instant::now() < job.deadline => self.health.succeeded(self.trust),
            Ok(_) | Err(KeyError::DeadlineExceeded) => {}
            Err(error) => self.health.failed(error),
        }
        job.reply.send(result);
    }

    /// Signs; in a new session if the one at hand is lost, and in another if that is lost too.
    ///
    /// The one at hand may have been void for long before it was needed, which says nothing of how
    /// the device is now.
    fn sign(&mut self, job: &Job) -> Result<Vec<u8>, KeyError> {
        let mut more = if self.session.is_some() { 2 } else { 1 };
        loop {
            let reason = match self.attempt(&job.input) {
                Ok(signature) => return Ok(signature),
                Err(Fault::Lost(reason)) if more > 0 => reason,
                Err(fault) => return Err(fault.into()),
            };
            more -= 1;
            tracing::warn!(
                reason,
                "the session with the token is lost, opening another"
            );
            if job.deadline <= Instant::now() {
                return Err(KeyError::DeadlineExceeded);
            }
        }
    }

    /// Signs in the session at hand or a new one, and keeps it only if that went well.
    ///
    /// What a module answers may be so wrong that its reader panics. Then the session is lost like
    /// others, and the thread lives: a pool that lost them all would need a restart.
    fn attempt(&mut self, input: &[u8]) -> Result<Vec<u8>, Fault> {
        let attempted = catch_unwind(AssertUnwindSafe(|| self.sign_in_session(input)));
        let senseless = |_panic| Err(Fault::Lost("the module's answer makes no sense".into()));
        attempted.unwrap_or_else(senseless)
    }

    fn sign_in_session(&mut self, input: &[u8]) -> Result<Vec<u8>, Fault> {
        let trust = self.health.trust();
        let trusted = self.session.take().filter(|_| self.trust == trust);
        self.trust = trust;
        let session = match trusted {
            Some(session) => session,
            None => self.device.connect()?,
        };
        let started = Instant::now();
        let signature = self.device.sign(&session, input)?;
        self.load.signed(Instant::now(), started.elapsed());
        self.session = Some(session);
        Ok(signature)
    }
}
