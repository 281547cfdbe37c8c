//! Hearing of other servers' revocations: one question to the ledger for all requests that wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

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
            (Others::Asked, false) => drop(self.put_question()),
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
    pub(super) async fn listen(&self) {
        let mut put = self.hearing.put.subscribe();
        put.mark_changed();
        // The sender lives as long as this responder.
        while put.changed().await.is_ok() {
            let up_to = *put.borrow_and_update();
            let heard = timeout(PATIENCE, self.refresh()).await;
            let hears = matches!(heard, Ok(Ok(())));
            self.hearing.hears.store(hears, Ordering::Release);
            self.hearing.answered.send_replace(up_to);
        }
    }
}

/// A look at the epoch takes a fraction of a millisecond; whoever asks for a status waits no
/// longer than this for a ledger that is in trouble.
const PATIENCE: Duration = Duration::from_millis(500);
