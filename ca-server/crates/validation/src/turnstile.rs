//! How many validations are under way at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Lets in so many validations, and of each account only a share of them.
///
/// An account that starts thousands of validations against silent hosts queues behind itself, not
/// in front of the others.
#[derive(Debug)]
pub(crate) struct Turnstile {
    everyone: Arc<Semaphore>,
    share: usize,
    accounts: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// A place among the validations under way; dropped, it is free again.
#[derive(Debug)]
pub(crate) struct Pass {
    _share: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

impl Turnstile {
    /// Makes a turnstile with `places` in all and a `share` of them for each account.
    pub(crate) fn new(places: usize, share: usize) -> Self {
        Self {
            everyone: Arc::new(Semaphore::new(places.max(1))),
            share: share.max(1),
            accounts: Mutex::new(HashMap::new()),
        }
    }

    /// Waits for a place.
    pub(crate) async fn enter(&self, account: &str) -> Pass {
        let own = self.share_of(account);
        // The share first: who waits for it must not stand in everyone's queue.
        let share = own.acquire_owned().await;
        let place = Arc::clone(&self.everyone).acquire_owned().await;
        Pass {
            _share: share.expect("nobody closes an account's semaphore"),
            _place: place.expect("nobody closes everyone's semaphore"),
        }
    }

    fn share_of(&self, account: &str) -> Arc<Semaphore> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = accounts.get(account).and_then(Weak::upgrade) {
            return share;
        }
        // Sweeping at powers of two keeps the cost per entry constant.
        if accounts.len() >= SWEEP_FROM && accounts.len().is_power_of_two() {
            accounts.retain(|_, share| share.strong_count() > 0);
        }
        let share = Arc::new(Semaphore::new(self.share));
        accounts.insert(account.to_owned(), Arc::downgrade(&share));
        share
    }
}

const SWEEP_FROM: usize = 64;

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn lets_in_no_more_than_its_places() {
        let turnstile = Turnstile::new(2, 2);

        let first = turnstile.enter("a").await;
        let _second = turnstile.enter("b").await;

        assert!(turnstile.enter("c").now_or_never().is_none());
        drop(first);
        assert!(turnstile.enter("c").now_or_never().is_some());
    }

    #[tokio::test]
    async fn keeps_an_account_from_taking_everyones_places() {
        let turnstile = Turnstile::new(3, 1);

        let _greedy = turnstile.enter("greedy").await;

        assert!(turnstile.enter("greedy").now_or_never().is_none());
        assert!(turnstile.enter("modest").now_or_never().is_some());
    }

    #[tokio::test]
    async fn forgets_accounts_that_have_left() {
        let turnstile = Turnstile::new(4, 1);

        for number in 0..1000 {
            turnstile.enter(&format!("account {number}")).await;
        }

        let remembered = turnstile.accounts.lock().expect("not poisoned").len();
        assert!(remembered <= SWEEP_FROM, "{remembered} accounts");
    }
}
