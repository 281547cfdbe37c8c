//! The way back from a signing thread to whoever asked.

use std::sync::mpsc::SyncSender;

use tokio::sync::oneshot;

use crate::KeyError;

/// Where an answer goes; the asker may have left.
pub(super) enum Reply {
    /// To a task of the async runtime.
    Task(oneshot::Sender<Result<Vec<u8>, KeyError>>),
    /// To a blocked thread.
    Thread(SyncSender<Result<Vec<u8>, KeyError>>),
}

impl Reply {
    /// Tells whether the asker is known to have left.
    pub(super) fn is_abandoned(&self) -> bool {
        match self {
            Self::Task(task) => task.is_closed(),
            Self::Thread(_) => false,
        }
    }

    /// Hands over the answer; an asker who left has no use for it.
    pub(super) fn send(self, result: Result<Vec<u8>, KeyError>) {
        match self {
            Self::Task(task) => drop(task.send(result)),
            Self::Thread(thread) => drop(thread.try_send(result)),
        }
    }
}
