//! Handing sealed events to somebody outside.

use async_trait::async_trait;

use super::query::RecordedEvent;

/// Who keeps a copy of the log.
#[async_trait]
pub trait Receiver: Send + Sync {
    /// Delivers events, in the order given, within a deadline of its own. `Ok` only once the
    /// receiver has taken in all of them. After anything else, a call dropped half-way included,
    /// the caller sends the same events again: the receiver gets each at least once.
    async fn deliver(&self, events: &[RecordedEvent]) -> Result<(), DeliveryError>;
}

/// The receiver may not have everything; the text says why, for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DeliveryError(pub String);
