//! Identities at every door of the whole program: who gets a certificate, who does not any more,
//! and what is left of it in the books.
//!
//! `matrix` holds each reason to refuse against each door; the other modules take away what was
//! given: on an open connection, over two servers, by a reload, by a crash. Logins and sessions have
//! a suite of their own, `logins`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod acme_by_identity;
mod audit_down;
mod ci_tokens;
mod cluster;
mod connections;
mod crash;
mod matrix;
mod reload;
mod renewal;
mod world;

use std::time::{Duration, Instant};

/// Asks again and again until it is so.
async fn eventually(is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so().await {
        assert!(Instant::now() < deadline, "it does not come to pass");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[expect(
    dead_code,
    reason = "shared with another suite, which makes databases of its own"
)]
#[path = "../faults/database.rs"]
mod database;

#[expect(
    dead_code,
    reason = "shared with another suite, which compares all that is left"
)]
#[path = "../faults/statement/broken.rs"]
mod broken;
