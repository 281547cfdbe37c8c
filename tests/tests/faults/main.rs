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

use ca_tests::TestCa;
use ca_tests::server::TestCaBuilder;
use tokio::runtime::{Builder, Runtime};

/// Asks again and again until it is so.
async fn eventually(is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so().await {
        assert!(Instant::now() < deadline, "it does not come to pass");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Makes a server that waits for nothing longer than a second and holds nobody back.
fn hurried() -> TestCaBuilder {
    // The sooner an intent's time is up, the sooner another server may give it up.
    TestCa::builder()
        .set("issuer.0.signing_deadline", "1s")
        .set("api.requests_per_minute", 1_000_000)
        .set("api.burst", 1_000_000)
}

/// Returns a runtime of a case whose server is not of the test's own thread.
fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
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
