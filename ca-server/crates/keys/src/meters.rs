//! What the signer tells its operator, through the `metrics` facade.

use std::sync::Arc;
use std::time::Duration;

use metrics::{SharedString, counter, gauge, histogram};

use crate::KeyError;

/// The metrics of one key, labelled with its name.
#[derive(Clone, Debug)]
pub(crate) struct Meters {
    key: SharedString,
}

/// How a request for a signature ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A signature was made.
    Signed,
    /// The key or its device failed.
    Failed,
    /// The deadline passed first.
    Late,
    /// It was turned away at once: queue full or breaker open.
    TurnedAway,
}

impl Meters {
    pub(crate) fn named(key: &str) -> Self {
        Self {
            key: SharedString::from_shared(Arc::from(key)),
        }
    }

    /// Returns the name of the key.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Counts an answer, as the caller saw it.
    pub(crate) fn answered(&self, outcome: Outcome, took: Duration) {
        counter!("ca_signer_signatures_total",
            "key" => self.key.clone(), "result" => outcome.label())
        .increment(1);
        histogram!("ca_signer_duration_seconds", "key" => self.key.clone()).record(took);
    }

    pub(crate) fn queued(&self) {
        gauge!("ca_signer_queue_depth", "key" => self.key.clone()).increment(1);
    }

    pub(crate) fn dequeued(&self) {
        gauge!("ca_signer_queue_depth", "key" => self.key.clone()).decrement(1);
    }

    pub(crate) fn breaker_open(&self, open: bool) {
        gauge!("ca_signer_breaker_open", "key" => self.key.clone()).set(f64::from(u8::from(open)));
    }
}

impl Outcome {
    /// Tells the outcome of an answer.
    pub(crate) fn of(result: &Result<Vec<u8>, KeyError>) -> Self {
        match result {
            Ok(_) => Self::Signed,
            Err(KeyError::DeadlineExceeded) => Self::Late,
            Err(KeyError::Unavailable { .. }) => Self::TurnedAway,
            Err(
                KeyError::Uri(_) | KeyError::Secret(_) | KeyError::Key(_) | KeyError::Device(_),
            ) => Self::Failed,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Signed => "signed",
            Self::Failed => "failed",
            Self::Late => "late",
            Self::TurnedAway => "turned-away",
        }
    }
}
