//! Breaking one thing, then proving recovery.
//!
//! `crash` ends a server between each pair of durable steps, `kill` ends the real program at any
//! moment, `statement` lets the database refuse single statements, `shutdown` asks the program to
//! end while it works, `token` takes the signer away from it or lets it misbehave, `clock` sets the
//! system's clock.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod chance;
mod clock;
mod crash;
mod database;
mod invariants;
mod kill;
mod load;
mod method;
mod outage;
mod power;
mod proxy;
mod shutdown;
mod statement;
mod token;
mod wax;

use std::time::{Duration, Instant};

/// Asks again and again until it is so.
async fn eventually(is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so().await {
        assert!(Instant::now() < deadline, "it does not come to pass");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Tells whether the suites take their time.
fn is_long() -> bool {
    std::env::var("CA_TESTS_LONG").is_ok_and(|value| value == "1")
}

#[expect(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "shared with another suite, which runs each case on each database"
)]
#[path = "../store_contract/bench.rs"]
mod bench;

#[expect(
    dead_code,
    reason = "shared with another suite, which moves clocks and scripts refusals"
)]
#[path = "../acme_service/world.rs"]
mod world;
