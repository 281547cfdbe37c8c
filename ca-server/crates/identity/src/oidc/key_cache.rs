//! A provider's key set, kept in memory and read again when it is old or lacks a key.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use ca_pki::Timestamp;
use tokio::sync::watch;

use super::key_set::KeySet;
use super::{KeySource, KeysUnavailable};

/// Reads the set from its source at a bounded rate, once for all who wait.
pub(super) struct KeyCache {
    source: Arc<dyn KeySource>,
    held: ArcSwapOption<Held>,
    reading: Mutex<Reading>,
}

struct Held {
    set: Arc<KeySet>,
    read_at: Timestamp,
}

/// The last attempt to read.
#[derive(Default)]
struct Reading {
    began_at: Option<Timestamp>,
    /// Closed when the attempt has ended, however it ended.
    under_way: Option<watch::Receiver<()>>,
    failure: Option<KeysUnavailable>,
}

impl KeyCache {
    pub(super) fn new(source: Arc<dyn KeySource>) -> Self {
        Self {
            source,
            held: ArcSwapOption::empty(),
            reading: Mutex::default(),
        }
    }

    /// Returns the source's name.
    pub(super) fn source_name(&self) -> String {
        self.source.name()
    }

    /// Returns the set. One that is old is read again first, and serves on if that fails.
    pub(super) async fn keys(
        self: &Arc<Self>,
        now: Timestamp,
    ) -> Result<Arc<KeySet>, KeysUnavailable> {
        if let Some(set) = self.held_since(now.minus(self.source.fresh_for())) {
            return Ok(set);
        }
        self.read(now).await;
        self.held_since(now.minus(SERVES_ON_FOR))
            .ok_or_else(|| self.failure())
    }

    /// Returns the set after reading it again, for a key that is not in it. If it was read within
    /// the last half minute, that must do.
    pub(super) async fn keys_read_again(
        self: &Arc<Self>,
        now: Timestamp,
    ) -> Result<Arc<KeySet>, KeysUnavailable> {
        self.read(now).await;
        // Keys from before a failed attempt say nothing about a key that they lack.
        if let Some(failure) = self.reading().failure.clone() {
            return Err(failure);
        }
        self.held_since(now.minus(SERVES_ON_FOR))
            .ok_or_else(|| self.failure())
    }

    fn held_since(&self, moment: Timestamp) -> Option<Arc<KeySet>> {
        let held = self.held.load();
        let held = held.as_ref().filter(|held| held.read_at > moment)?;
        Some(Arc::clone(&held.set))
    }

    fn failure(&self) -> KeysUnavailable {
        let failure = self.reading().failure.clone();
        failure.unwrap_or_else(|| KeysUnavailable("it was not read yet".to_owned()))
    }

    /// Reads the set in a task of its own, so that a caller who goes away takes nobody's answer
    /// along, and waits for it; too soon after the last attempt does nothing.
    async fn read(self: &Arc<Self>, now: Timestamp) {
        if let Some(mut under_way) = self.attempt(now) {
            // The sender sends nothing: it is dropped when the attempt has ended.
            let _closed = under_way.changed().await;
        }
    }

    /// Returns the attempt to wait for: one under way, or a new one.
    fn attempt(self: &Arc<Self>, now: Timestamp) -> Option<watch::Receiver<()>> {
        let mut reading = self.reading();
        if let Some(under_way) = &reading.under_way
            && under_way.has_changed().is_ok()
        {
            return Some(under_way.clone());
        }
        let is_too_soon = |began_at: Timestamp| began_at <= now && now.since(began_at) < PAUSE;
        if reading.began_at.is_some_and(is_too_soon) {
            return None;
        }
        let (ended, under_way) = watch::channel(());
        reading.began_at = Some(now);
        reading.under_way = Some(under_way.clone());
        let cache = Arc::clone(self);
        tokio::spawn(async move {
            let outcome = cache.fetch().await;
            cache.conclude(outcome, now);
            drop(ended);
        });
        Some(under_way)
    }

    async fn fetch(&self) -> Result<KeySet, KeysUnavailable> {
        let text = self.source.fetch().await?;
        KeySet::parse(&text).map_err(|fault| KeysUnavailable(fault.to_string()))
    }

    fn conclude(&self, outcome: Result<KeySet, KeysUnavailable>, now: Timestamp) {
        let source = self.source.name();
        let failure = match outcome {
            Ok(set) => {
                tracing::debug!(%source, keys = set.usable(), "key set read");
                let set = Arc::new(set);
                self.held.store(Some(Arc::new(Held { set, read_at: now })));
                None
            }
            // Nobody may be waiting who would be told, as long as the keys held serve on.
            Err(failure) => {
                tracing::warn!(%source, error = %failure, "key set not read");
                Some(failure)
            }
        };
        self.reading().failure = failure;
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The least time between two attempts, whatever tokens ask for.
pub(super) const PAUSE: Duration = Duration::from_secs(30);
/// How long keys serve on while their source is away.
const SERVES_ON_FOR: Duration = Duration::from_secs(24 * 3_600);
