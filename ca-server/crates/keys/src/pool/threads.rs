//! How signing threads end: before whoever dropped the pool goes on, but in bounded time.

use std::convert::Infallible;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::KeyError;

/// The threads of a pool. Its queue must be dropped before this, or they do not end.
#[derive(Debug)]
pub(super) struct Threads {
    handles: Vec<JoinHandle<()>>,
    /// Closed when the last thread has let go of its session.
    busy: Mutex<Receiver<Infallible>>,
    sign_of_life: Option<Sender<Infallible>>,
}

impl Threads {
    pub(super) fn new() -> Self {
        let (sign_of_life, busy) = mpsc::channel();
        Self {
            handles: Vec::new(),
            busy: Mutex::new(busy),
            sign_of_life: Some(sign_of_life),
        }
    }

    /// Starts a thread.
    pub(super) fn spawn(&mut self, work: impl FnOnce() + Send + 'static) -> Result<(), KeyError> {
        let alive = self.sign_of_life.clone();
        let handle = Builder::new()
            .name(format!("signer-{}", self.handles.len()))
            .spawn(move || {
                work();
                drop(alive);
            })
            .map_err(|error| KeyError::Device(format!("no signing thread: {error}")))?;
        self.handles.push(handle);
        Ok(())
    }
}

impl Drop for Threads {
    /// A module's code must not run while the process tears itself down: SoftHSM then crashes a
    /// command that did all of its work. A thread that hangs in its device is left behind, because
    /// shutdown must not hang with it.
    fn drop(&mut self) {
        drop(self.sign_of_life.take());
        let busy = self.busy.get_mut().unwrap_or_else(PoisonError::into_inner);
        match busy.recv_timeout(PATIENCE) {
            Err(RecvTimeoutError::Disconnected) => {
                for handle in self.handles.drain(..) {
                    // A thread that panicked has ended too.
                    drop(handle.join());
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                tracing::warn!("a signing thread hangs in its device and is left behind");
            }
            Ok(never) => match never {},
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(2);
