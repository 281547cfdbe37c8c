//! What the system asks of the process.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::Error;

/// What operators send.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// To stop: SIGTERM or SIGINT.
    Stop,
    /// To read the configuration again: SIGHUP.
    Reload,
}

impl Signals {
    /// Takes them over from their defaults, which all end the process at once.
    pub(super) fn listen() -> Result<Self, Error> {
        let of = |kind| signal(kind).map_err(Error::Runtime);
        Ok(Self {
            terminate: of(SignalKind::terminate())?,
            interrupt: of(SignalKind::interrupt())?,
            hangup: of(SignalKind::hangup())?,
        })
    }

    /// Waits for the next.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hangup.recv() => Asked::Reload,
        }
    }
}
