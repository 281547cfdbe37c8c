//! Leases and shared secrets.

use std::collections::BTreeSet;
use std::time::Duration;

use ca_acme::store::AcmeStore;
use ca_issuance::ledger::Ledger;
use futures_util::future::join;
use sea_orm::{
    ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement, TransactionTrait,
};

use crate::bench::{Bench, START, fifty, on_both_databases};

on_both_databases!(
    gives_a_lease_to_one_holder_until_it_ends,
    gives_a_new_lease_to_one_of_fifty,
    gives_a_lease_that_was_given_back_to_the_next_at_once,
    gives_away_a_lease_that_was_taken_while_a_clock_was_years_ahead,
    makes_a_secret_once_however_many_ask,
);

async fn gives_a_lease_to_one_holder_until_it_ends(bench: Bench) {
    let span = Duration::from_secs(30);
    let at = |secs| START.plus(Duration::from_secs(secs));
    let claim = async |holder, moment| {
        let claimed = bench.store.claim("publish", holder, moment, span);
        claimed.await.unwrap()
    };

    assert_eq!(claim("a", at(0)).await, Some(1));
    assert_eq!(claim("b", at(10)).await, None);
    assert_eq!(claim("a", at(20)).await, Some(1));
    assert_eq!(claim("b", at(49)).await, None);
    assert_eq!(claim("b", at(50)).await, Some(2));
    assert_eq!(claim("a", at(60)).await, None);
    assert_eq!(claim("a", at(80)).await, Some(3));
}

async fn gives_a_lease_that_was_given_back_to_the_next_at_once(bench: Bench) {
    let span = Duration::from_secs(30);
    let claim = async |holder| {
        let claimed = bench.store.claim("publish", holder, START, span);
        claimed.await.unwrap()
    };
    claim("a").await;

    bench.store.give_back("publish", "b").await.unwrap();
    let before = claim("b").await;
    bench.store.give_back("publish", "a").await.unwrap();
    let after = claim("b").await;

    assert_eq!((before, after), (None, Some(2)));
}

/// Only where a lease has others to pass to while it is written under.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gives_back_a_lease_after_what_is_written_under_it() {
    let bench = Bench::postgres().await;
    let span = Duration::from_secs(30);
    let claim = async |holder| bench.store.claim("publish", holder, START, span).await;
    claim("a").await.unwrap();
    let aside = Database::connect(&bench.url).await.unwrap();
    let writing = aside.begin().await.unwrap();
    writing.execute_unprepared(LOCK).await.unwrap();

    let returning = bench.store.give_back("publish", "a");
    let written = async {
        while !somebody_waits(&aside).await {}
        writing.commit().await.unwrap();
    };
    let (returned, ()) = join(returning, written).await;
    let next = claim("b").await.unwrap();

    returned.unwrap();
    assert_eq!(next, Some(2));
}

async fn somebody_waits(aside: &DatabaseConnection) -> bool {
    let query = Statement::from_string(DbBackend::Postgres, WAITING);
    let row = aside.query_one_raw(query).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

async fn gives_a_new_lease_to_one_of_fifty(bench: Bench) {
    let claims = fifty(|number| {
        let store = bench.store.clone();
        async move {
            let (holder, span) = (format!("server-{number}"), Duration::from_secs(30));
            store.claim("seal", &holder, START, span).await.unwrap()
        }
    })
    .await;

    let won: Vec<_> = claims.into_iter().flatten().collect();
    assert_eq!(won, [1]);
}

async fn gives_away_a_lease_that_was_taken_while_a_clock_was_years_ahead(bench: Bench) {
    let span = Duration::from_secs(30);
    let years_ahead = START.plus(Duration::from_secs(3 * 365 * 24 * 60 * 60));

    let ahead = bench.store.claim("seal", "a", years_ahead, span).await;
    let back = bench.store.claim("seal", "b", START, span).await;
    let held = bench.store.claim("seal", "a", START, span).await;

    let claimed = [ahead, back, held].map(Result::unwrap);
    assert_eq!(claimed, [Some(1), Some(2), None]);
}

async fn makes_a_secret_once_however_many_ask(mut bench: Bench) {
    let secrets = fifty(|number| {
        let store = bench.store.clone();
        let fresh = [u8::try_from(number).unwrap(); 32];
        async move { store.shared_secret("nonce", fresh).await.unwrap() }
    })
    .await;
    bench.restart().await;
    let later = bench.store.shared_secret("nonce", [99; 32]).await.unwrap();

    let distinct: BTreeSet<_> = secrets.into_iter().collect();
    assert_eq!(distinct, BTreeSet::from([later]));
}

const LOCK: &str = "SELECT 1 FROM lease WHERE work = 'publish' FOR NO KEY UPDATE";
const WAITING: &str = "SELECT count(*) > 0 FROM pg_stat_activity \
     WHERE datname = current_database() AND wait_event_type = 'Lock'";
