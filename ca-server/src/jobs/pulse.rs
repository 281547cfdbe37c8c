//! Whether the database answers, for those who would wait for it in vain.
//!
//! A database on the other side of a network may fall silent without refusing anything. Statements
//! then wait for the kernel to give up, which takes minutes. There it is asked beside the connections
//! that read: that all of them are busy is no silence.

use std::time::Duration;

use ca_store::Store;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::http::presence::Presence;

/// Asks each second until `stop`. One answer that is late may be a busy moment, two are not.
pub(super) async fn watch(store: &Store, presence: &Presence, stop: &CancellationToken) {
    let mut missed = 0;
    while !stop.is_cancelled() {
        match store.ping().await {
            Ok(()) => missed = 0,
            Err(_) => missed += 1,
        }
        presence.set_cut_off(missed >= 2);
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(EVERY) => {}
        }
    }
}

const EVERY: Duration = Duration::from_secs(1);
