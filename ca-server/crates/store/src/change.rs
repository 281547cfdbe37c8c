//! A change: one intent, applied in one transaction together with its audit event.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use async_trait::async_trait;
use futures_util::FutureExt;
use tokio::sync::oneshot;

use crate::Error;
use crate::transaction::Transaction;

/// One intent to change the store.
///
/// `apply` may run several times, each time as if for the first: it must do nothing but speak to
/// the transaction. What it returns is handed out only after the commit.
pub(crate) trait Change: Send + Sync + 'static {
    /// What the asker learns.
    type Outcome: Send + 'static;

    /// Whether `apply` mostly needs no other statements than those that the swift way knows. It
    /// may be wrong: the group then takes longer.
    const SWIFT: bool = false;

    /// Applies the change; an error undoes all of it.
    fn apply(
        &self,
        transaction: &Transaction,
    ) -> impl Future<Output = Result<Self::Outcome, Error>> + Send;

    /// Forgets what memory holds and this change has made stale. Called once it is settled, also
    /// if the asker has hung up, before anybody learns of its outcome.
    fn forget(&self) {}
}

/// Whether a unit waits for an answer or for another run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its outcome is settled as soon as the group commits.
    Done,
    /// Somebody was in its way: it goes into the next group.
    Again,
}

/// How a unit ran without a savepoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    /// The change succeeded, if the group commits.
    Well,
    /// It did not, and what it did before cannot be told from what others did: the whole
    /// transaction must be undone.
    Badly,
}

/// A change of any kind on its way through the writer.
#[async_trait]
pub(crate) trait Unit: Send {
    /// Tells whether the swift way will do for the change.
    fn is_swift(&self) -> bool;

    /// Runs the change and keeps its outcome if it succeeds.
    async fn try_run(&mut self, transaction: &Transaction) -> Ran;

    /// Runs the change in a savepoint and keeps its outcome. An error means that the surrounding
    /// transaction is lost.
    async fn run(&mut self, transaction: &Transaction) -> Result<(), Error>;

    /// Tells whether the kept outcome is final.
    fn standing(&self) -> Standing;

    /// Hands out the kept outcome; called after the commit.
    fn answer(self: Box<Self>);

    /// Hands out an error in place of any outcome.
    fn fail(self: Box<Self>, error: Error);
}

/// A change together with whoever waits for it, perhaps no longer.
pub(crate) struct Pending<C: Change> {
    change: C,
    outcome: Option<Result<C::Outcome, Error>>,
    attempts: u32,
    asker: oneshot::Sender<Result<C::Outcome, Error>>,
}

impl<C: Change> Pending<C> {
    /// Wraps a change; the receiver gets its outcome.
    pub(crate) fn new(change: C) -> (Self, oneshot::Receiver<Result<C::Outcome, Error>>) {
        let (asker, answer) = oneshot::channel();
        let pending = Self {
            change,
            outcome: None,
            attempts: 0,
            asker,
        };
        (pending, answer)
    }
}

/// Applies a change. One that panics fails like others, and takes neither the writer nor those in
/// its group with it: what it did is undone.
async fn apply<C: Change>(change: &C, transaction: &Transaction) -> Result<C::Outcome, Error> {
    let applied = AssertUnwindSafe(change.apply(transaction)).catch_unwind();
    applied.await.unwrap_or(Err(Error::Panicked))
}

#[async_trait]
impl<C: Change> Unit for Pending<C> {
    fn is_swift(&self) -> bool {
        C::SWIFT
    }

    async fn try_run(&mut self, transaction: &Transaction) -> Ran {
        match apply(&self.change, transaction).await {
            Ok(outcome) => {
                self.outcome = Some(Ok(outcome));
                Ran::Well
            }
            // Not the last word, so it does not count as an attempt.
            Err(_to_be_found_again) => Ran::Badly,
        }
    }

    async fn run(&mut self, transaction: &Transaction) -> Result<(), Error> {
        self.attempts += 1;
        let savepoint = transaction.savepoint().await?;
        let outcome = apply(&self.change, &savepoint).await;
        match outcome {
            Ok(_) => savepoint.commit().await?,
            Err(_) => savepoint.rollback().await?,
        }
        self.outcome = Some(outcome);
        Ok(())
    }

    fn standing(&self) -> Standing {
        match &self.outcome {
            Some(Err(error)) if error.may_pass() && self.attempts < MAX_ATTEMPTS => Standing::Again,
            Some(_) | None => Standing::Done,
        }
    }

    fn answer(self: Box<Self>) {
        self.change.forget();
        let outcome = self.outcome.unwrap_or(Err(Error::Closed));
        // An asker that hung up loses only the answer: the change is made.
        let _ = self.asker.send(outcome);
    }

    fn fail(self: Box<Self>, error: Error) {
        // A failed commit may have come through.
        self.change.forget();
        let _ = self.asker.send(Err(error));
    }
}

const MAX_ATTEMPTS: u32 = 5;
