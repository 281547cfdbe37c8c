//! Hearing of other servers' revocations: one question to the ledger for all requests that wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::cache::Generation;
use super::{OcspResponder, Others};

/// Questions that were put, and up to which one they are answered.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    put: watch::Sender<u64>,
    answered: watch::Sender<u64>,
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
        let mut answered = self.hearing.answered.subscribe();
        let question = self.put_question();
        let heard = answered.wait_for(|up_to| *up_to >= question);
        let heard = timeout(PATIENCE, heard).await.is_ok();
        match heard && self.hearing.hears.load(Ordering::Acquire) {
            true => Ok(()),
            false => Err(Deaf),
        }
    }

    fn put_question(&self) -> u64 {
        let mut question = 0;
        self.hearing.put.send_modify(|put| {
            *put += 1;
            question = *put;
        });
        question
    }

    /// Answers questions; never returns. It alone reads the epoch, or a slow look could take back
    /// what a later one saw.
    ///
    /// While the ledger is silent it looks again by itself: nobody may be told what held before
    /// the silence when it is over.
    pub(super) async fn listen(&self) {
        let mut put = self.hearing.put.subscribe();
        put.mark_changed();
        let mut hears = true;
        loop {
            tokio::select! {
                // The sender lives as long as this responder.
                _ = put.changed() => {}
                () = sleep(AGAIN), if !hears => {}
            }
            let up_to = *put.borrow_and_update();
            let heard = timeout(PATIENCE, self.refresh()).await;
            hears = matches!(heard, Ok(Ok(())));
            self.hearing.hears.store(hears, Ordering::Release);
            self.hearing.answered.send_replace(up_to);
        }
    }
}

/// A look at the epoch takes a fraction of a millisecond; whoever asks for a status waits no
/// longer than this for a ledger that is in trouble.
const PATIENCE: Duration = Duration::from_millis(500);

/// Shorter than a balancer takes to send clients to a server that is well again.
const AGAIN: Duration = Duration::from_millis(500);
