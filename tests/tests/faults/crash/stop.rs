//! Where a server's life ends.

use std::sync::Mutex;

use tokio::sync::Notify;

/// A durable step of the corridor or of publishing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The serial is spent.
    RecordIntent,
    /// The certificate is stored.
    RecordResult,
    /// The serial is given up.
    Burn,
    /// A certificate is revoked.
    Revoke,
    /// A CRL gets its number.
    DrawCrlNumber,
    /// A CRL is stored.
    PublishCrl,
}

/// A moment beside a durable step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Decided, not begun.
    Before(Step),
    /// Durable, nobody has heard of it.
    After(Step),
}

/// Lets whoever comes to a chosen moment go no further.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    at: Mutex<Option<Moment>>,
    reached: Notify,
}

impl Stop {
    /// Chooses the moment.
    pub(crate) fn set(&self, moment: Moment) {
        *self.at.lock().unwrap() = Some(moment);
    }

    /// Goes on, or never.
    pub(crate) async fn pass(&self, moment: Moment) {
        let ends_here = *self.at.lock().unwrap() == Some(moment);
        if ends_here {
            self.reached.notify_one();
            std::future::pending::<()>().await;
        }
    }

    /// Waits until somebody has come to the moment.
    pub(crate) async fn reached(&self) {
        self.reached.notified().await;
    }
}
