//! One signing thread: its session, and how it gets another when that is lost.

use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::health::Health;
use super::{Device, Fault, Job};
use crate::KeyError;
use crate::meters::Meters;

/// A signing thread's belongings.
pub(super) struct Worker<D: Device> {
    pub(super) device: Arc<D>,
    pub(super) session: Option<D::Session>,
    pub(super) jobs: Arc<Mutex<Receiver<Job>>>,
    pub(super) health: Arc<Health>,
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
            Ok(_) if Instant::now() < job.deadline => self.health.succeeded(),
            Ok(_) | Err(KeyError::DeadlineExceeded) => {}
            Err(error) => self.health.failed(error),
        }
        job.reply.send(result);
    }

    /// Signs, and once more in a new session if the first one was lost.
    fn sign(&mut self, job: &Job) -> Result<Vec<u8>, KeyError> {
        let reason = match self.attempt(&job.input) {
            Ok(signature) => return Ok(signature),
            Err(Fault::Broken(error)) => return Err(error),
            Err(Fault::Lost(reason)) => reason,
        };
        tracing::warn!(
            reason,
            "the session with the token is lost, opening another"
        );
        if job.deadline <= Instant::now() {
            return Err(KeyError::DeadlineExceeded);
        }
        self.attempt(&job.input).map_err(KeyError::from)
    }

    /// Signs in the session at hand or a new one, and keeps it only if that went well.
    fn attempt(&mut self, input: &[u8]) -> Result<Vec<u8>, Fault> {
        let session = match self.session.take() {
            Some(session) => session,
            None => self.device.connect()?,
        };
        let signature = self.device.sign(&session, input)?;
        self.session = Some(session);
        Ok(signature)
    }
}
