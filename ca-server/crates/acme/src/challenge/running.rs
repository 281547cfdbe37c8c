//! Which validations run on this server right now.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::authorization::ChallengeKind;

type Key = (String, ChallengeKind);

/// The validations in flight, so that a client that answers twice makes nobody dial twice.
///
/// Other servers are not asked: two that validate the same challenge waste a little work, and the
/// store takes only the first result.
#[derive(Clone, Debug, Default)]
pub(crate) struct Running(Arc<Mutex<HashSet<Key>>>);

/// One validation in flight; ends when dropped, panics included.
#[derive(Debug)]
pub(crate) struct InFlight {
    running: Running,
    key: Key,
}

impl Running {
    /// Begins a validation; `None` while the same one is in flight.
    pub(crate) fn begin(&self, authorization: &str, kind: ChallengeKind) -> Option<InFlight> {
        let key = (authorization.to_owned(), kind);
        let is_new = self.keys(|keys| keys.insert(key.clone()));
        is_new.then(|| InFlight {
            running: self.clone(),
            key,
        })
    }

    /// Tells whether a validation is in flight.
    pub(crate) fn contains(&self, authorization: &str, kind: ChallengeKind) -> bool {
        let key = (authorization.to_owned(), kind);
        self.keys(|keys| keys.contains(&key))
    }

    fn keys<T>(&self, act: impl FnOnce(&mut HashSet<Key>) -> T) -> T {
        // A set of keys is never half changed, so a poisoned lock still guards a whole one.
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut keys)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.running.keys(|keys| keys.remove(&self.key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_validation_begins_again_only_after_it_ended() {
        let running = Running::default();

        let first = running.begin("a", ChallengeKind::Http01);
        let again = running.begin("a", ChallengeKind::Http01);
        let other = running.begin("a", ChallengeKind::Dns01);

        assert!(first.is_some() && again.is_none() && other.is_some());
        drop(first);
        assert!(!running.contains("a", ChallengeKind::Http01));
        assert!(running.begin("a", ChallengeKind::Http01).is_some());
    }
}
