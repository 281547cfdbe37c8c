//! Whether clients are better off with another server: this one stops, or its database is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// What every listener and every request knows of that. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Presence(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    leaving: AtomicBool,
    cut_off: watch::Sender<bool>,
}

impl Presence {
    /// Notes that this server is about to stop.
    pub(crate) fn leave(&self) {
        self.0.leaving.store(true, Ordering::Release);
    }

    /// Returns whether it is about to stop.
    pub(crate) fn is_leaving(&self) -> bool {
        self.0.leaving.load(Ordering::Acquire)
    }

    /// Notes whether the database that servers share is out of reach.
    pub(crate) fn set_cut_off(&self, cut_off: bool) {
        if self.0.cut_off.send_replace(cut_off) != cut_off {
            match cut_off {
                true => tracing::error!("the database does not answer: sending clients away"),
                false => tracing::info!("the database answers again"),
            }
        }
    }

    /// Returns whether a connection should end with its next answer: over a new one, a balancer
    /// leads its client to a server that is well.
    pub(crate) fn sends_away(&self) -> bool {
        self.is_leaving() || *self.0.cut_off.borrow()
    }

    /// Waits until the database is out of reach. Nobody should wait for what it will not say.
    pub(crate) async fn until_cut_off(&self) {
        let mut cut_off = self.0.cut_off.subscribe();
        // The sender lives as long as this value.
        let _ = cut_off.wait_for(|cut_off| *cut_off).await;
    }
}
