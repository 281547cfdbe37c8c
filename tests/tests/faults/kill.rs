//! The real program, killed at random moments under a load of orders, issuance by identity and
//! revocations, every other time while an intent has no result yet.
//!
//! `CA_TESTS_SEED` repeats the moments of an earlier run as far as moments can be repeated;
//! `CA_TESTS_LONG=1` kills 500 times.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ca_tests::{TestCa, is_long};

use crate::chance::Chance;
use crate::database::{Aside, Kind, on_both_databases};
use crate::invariants::{Invariants, settle, the_audit_log_holds, unfinished};
use crate::load::Load;
use crate::{hurried, runtime};

on_both_databases!(loses_nothing_however_often_it_is_killed);

fn loses_nothing_however_often_it_is_killed(kind: Kind) {
    let mut chance = Chance::of_this_run();
    let ca = Arc::new(start(kind));
    runtime().block_on(async {
        let mut load = Load::begin(&ca, CLIENTS).await;
        let hands = load.hands();
        let mut invariants = Invariants::default();
        let begun = Instant::now();
        for number in 1..=kills() {
            load.advance(1 + chance.below(40)).await;
            match number % 2 {
                0 => tokio::time::sleep(Duration::from_micros(chance.below(20_000))).await,
                _ => something_new_is_unfinished(&ca).await,
            }
            let before = hands.now();
            ca.kill();
            ca.start();
            invariants.hold_now(&ca, &before).await;
            if number % BATCH == 0 {
                the_audit_log_holds(&ca);
                println!("{number} kills in {:?}", begun.elapsed());
            }
        }
        let mut clients = load.end().await;
        settle(&ca, kind, &mut clients).await;

        assert!(hands.now().held.len() > kills(), "too little happened");
        invariants.hold_at_the_end(&ca, &hands).await;
        println!("{} kills in {:?}", kills(), begun.elapsed());
    });
}

fn start(kind: Kind) -> TestCa {
    match kind {
        Kind::Sqlite => hurried().start(),
        Kind::Postgres => hurried().on_postgres().start(),
    }
}

/// Comes back between an intent and its result, if nobody is slow. Its connection to the database
/// ends before the server does: the next server finds nobody else at the file.
async fn something_new_is_unfinished(ca: &TestCa) {
    let aside = Aside::of(&ca.database_url()).await;
    let before = unfinished(&aside).await;
    let deadline = Instant::now() + DEADLINE;
    while unfinished(&aside).await.is_subset(&before) {
        assert!(Instant::now() < deadline, "nothing is begun any more");
    }
    aside.close().await;
}

fn kills() -> usize {
    if is_long() { 500 } else { 10 }
}

const DEADLINE: Duration = Duration::from_secs(60);

/// Of either kind.
const CLIENTS: usize = 3;

/// The whole audit log is verified after this many kills.
const BATCH: usize = 25;
