//! A database in need, under load: requests are answered, in time, with 503 at worst; revocation
//! data goes on; nobody restarts the server; afterwards nothing is lost.

mod disk;
mod postgres;
mod probe;
mod sqlite;

use std::sync::Arc;
use std::time::Duration;

use ca_tests::{TestCa, is_long};

use self::probe::Probe;
use crate::database::Kind;
use crate::invariants::{Invariants, settle};
use crate::load::Load;
use crate::runtime;

/// What is seen of a server while its database is in need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// It must say that it is not ready.
    Told,
    /// Only writes fail, or it is over too soon for a question: it may look ready.
    Partial,
}

/// Runs an outage, from its beginning until everything is mended, beside a load and questions.
fn outlives(kind: Kind, ca: TestCa, need: Need, outage: impl AsyncFnOnce()) {
    let ca = Arc::new(ca);
    runtime().block_on(async {
        let process = ca.process_id();
        let mut load = Load::begin(&ca, 2).await;
        load.advance(20).await;
        let probe = Probe::begin(&ca).await;
        load.advance(10).await;

        outage().await;
        load.advance(30).await;
        let seen = probe.end().await;
        let hands = load.hands();
        let mut clients = load.end().await;

        seen.was_answered_in_time();
        seen.says_when_to_ask_again();
        seen.had_revocation_data();
        seen.was_refused_for_reasons_in_the_log(&ca);
        if need == Need::Told {
            assert!(seen.was_told_by_readyz(), "/readyz knows nothing of it");
        }
        assert!(!ca.log().contains("panicked"), "{}", ca.log());
        assert_eq!(ca.process_id(), process);
        crate::eventually(async || probe::ask_readyz(&ca).await == 200).await;
        settle(&ca, kind, &mut clients).await;
        Invariants::default().hold_at_the_end(&ca, &hands).await;
    });
}

/// How long an outage lasts: longer than a client's patience where the suites are long.
fn a_while() -> Duration {
    Duration::from_secs(if is_long() { 12 } else { 2 })
}
