//! The real program, killed at random moments under a load of orders, issuance by identity and
//! revocations, every other time while an intent has no result yet.
//!
//! `CA_TESTS_SEED` repeats the moments of an earlier run as far as moments can be repeated;
//! `CA_TESTS_LONG=1` kills 500 times.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ca_tests::TestCa;
use tokio::runtime::Builder;

use crate::chance::Chance;
use crate::database::{Aside, Kind, on_both_databases, url_of};
use crate::invariants::{Invariants, settle, the_audit_log_holds, unfinished};
use crate::load::Load;

on_both_databases!(loses_nothing_however_often_it_is_killed);

fn loses_nothing_however_often_it_is_killed(kind: Kind) {
    let mut chance = Chance::of_this_run();
    let ca = Arc::new(start(kind));
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
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
    // The sooner an intent's time is up, the sooner another server may give it up.
    let builder = TestCa::builder()
        .set("issuer.0.signing_deadline", "1s")
        .set("api.requests_per_minute", 1_000_000)
        .set("api.burst", 1_000_000);
    match kind {
        Kind::Sqlite => builder.start(),
        Kind::Postgres => builder.on_postgres().start(),
    }
}

/// Comes back between an intent and its result, if nobody is slow. Its connection to the database
/// ends before the server does: the next server finds nobody else at the file.
async fn something_new_is_unfinished(ca: &TestCa) {
    let aside = Aside::of(&url_of(ca)).await;
    let before = unfinished(&aside).await;
    while unfinished(&aside).await.is_subset(&before) {}
    aside.close().await;
}

fn kills() -> usize {
    match std::env::var("CA_TESTS_LONG").as_deref() {
        Ok("1") => 500,
        Ok(_) | Err(_) => 10,
    }
}

/// Of either kind.
const CLIENTS: usize = 3;

/// The whole audit log is verified after this many kills.
const BATCH: usize = 25;
