//! Hearing of other servers' revocations: one question to the ledger for all requests that wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::{sleep, timeout};

use super::cache::Generation;
use super::{OcspResponder, Others};

/// Who waits for the next look at the epoch.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    waiting: Mutex<Vec<oneshot::Sender<bool>>>,
    asked: Notify,
    /// Whether the ledger answered the last one.
    hears: AtomicBool,
}

/// The ledger does not say whether other servers revoked something.
#[derive(Debug, thiserror::Error)]
#[error("the store does not say whether other servers revoked something")]
pub(super) struct Deaf;

impl OcspResponder {
    /// Returns whether an answer of this generation is still true, as far as can be known.
    ///
    /// While the ledger does not answer, kept answers are served as any cache would: each says
    /// until when it holds.
    pub(super) async fn is_still(&self, generation: Generation) -> bool {
        match (
            self.schedule.others,
            self.hearing.hears.load(Ordering::Acquire),
        ) {
            (Others::Polled, _) => {}
            // If it fails, those who come later do not wait for it.
            (Others::Asked, true) => drop(self.hear().await),
            (Others::Asked, false) => {}
        }
        self.generation() == generation
    }

    /// Waits for the end of a look at the epoch that began after this call.
    pub(super) async fn hear(&self) -> Result<(), Deaf> {
        match timeout(PATIENCE, self.hearing.ask()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false) | Err(_)) | Err(_) => Err(Deaf),
        }
    }

    /// Answers questions; never returns. It alone reads the epoch, or a slow look could take back
    /// what a later one saw.
    ///
    /// While the ledger is silent it looks again by itself: nobody may be told what held before
    /// the silence when it is over.
    pub(super) async fn listen(&self) {
        self.hearing.asked.notify_one();
        let mut hears = true;
        loop {
            tokio::select! {
                () = self.hearing.asked.notified() => {}
                () = sleep(AGAIN), if !hears => {}
            }
            // Whoever comes after this has the next look.
            let waiting = self.hearing.take();
            let heard = timeout(PATIENCE, self.refresh()).await;
            hears = matches!(heard, Ok(Ok(())));
            self.hearing.hears.store(hears, Ordering::Release);
            for asker in waiting {
                // Who has gone needs no answer.
                let _ = asker.send(hears);
            }
        }
    }
}

impl Hearing {
    fn ask(&self) -> oneshot::Receiver<bool> {
        let (asker, answer) = oneshot::channel();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(asker);
        drop(waiting);
        self.asked.notify_one();
        answer
    }

    fn take(&self) -> Vec<oneshot::Sender<bool>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut waiting)
    }
}

/// A look at the epoch takes a fraction of a millisecond; whoever asks for a status waits no
/// longer than this for a ledger that is in trouble.
const PATIENCE: Duration = Duration::from_millis(500);

/// Shorter than a balancer takes to send clients to a server that is well again.
const AGAIN: Duration = Duration::from_millis(500);
