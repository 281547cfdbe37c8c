//! Connections to a server: all of them in use, given up, dead.

use std::collections::BTreeSet;
use std::time::Duration;

use ca_acme::store::AcmeStore;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, Statement, TransactionTrait,
};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::bench::Bench;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_a_sign_of_life_while_all_that_reads_waits() {
    let bench = Bench::postgres().await;
    let other = bench.raw().await;
    let holding = hold_orders(&other).await;
    let reading = read_orders(&bench);
    all_readers_wait(&other).await;

    let alive = bench.store.ping().await;
    holding.rollback().await.unwrap();

    assert!(alive.is_ok(), "{alive:?}");
    assert!(reading.join_all().await.iter().all(|is_read| *is_read));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_was_given_up_takes_no_place() {
    let bench = Bench::postgres().await;
    let other = bench.raw().await;
    let holding = hold_orders(&other).await;
    let mut given_up = read_orders(&bench);
    all_readers_wait(&other).await;

    given_up.shutdown().await;
    holding.rollback().await.unwrap();
    let read = timeout(Duration::from_secs(4), read_orders(&bench).join_all()).await;

    assert!(read.unwrap().iter().all(|is_read| *is_read));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_read_that_is_given_up_leaves_the_connections_of_others() {
    let bench = Bench::postgres().await;
    let other = bench.raw().await;
    read_orders(&bench).join_all().await;
    let before = connections(&other).await;
    let holding = hold_orders(&other).await;

    let store = bench.store.clone();
    let slow = tokio::spawn(async move { store.order("nobody's").await.is_ok() });
    sleep(LONGER_THAN_SILENCE).await;
    bench.store.unsealed().await.unwrap();
    slow.abort();
    holding.rollback().await.unwrap();
    sleep(A_MOMENT).await;

    let after = connections(&other).await;
    let lost = before.difference(&after).count();
    assert!(lost <= 1, "{before:?} {after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_connection_is_told_of_once() {
    let bench = Bench::postgres().await;
    read_orders(&bench).join_all().await;

    bench
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name = 'ca-server'",
        )
        .await;
    read_orders(&bench).join_all().await;
    let read = read_orders(&bench).join_all().await;

    assert!(read.iter().all(|is_read| *is_read));
}

#[test]
fn a_store_that_was_not_closed_may_outlive_its_runtime() {
    let runtime = Runtime::new().unwrap();
    let bench = runtime.block_on(Bench::postgres());
    runtime.block_on(async { read_orders(&bench).join_all().await });

    drop(runtime);

    drop(bench);
}

/// More reads at once than there are connections for them.
fn read_orders(bench: &Bench) -> JoinSet<bool> {
    let mut reading = JoinSet::new();
    for _ in 0..3 * READERS {
        let store = bench.store.clone();
        reading.spawn(async move { store.order("nobody's").await.is_ok() });
    }
    reading
}

/// The store's, by the processes that serve them.
async fn connections(database: &DatabaseConnection) -> BTreeSet<i32> {
    let listing = "SELECT pid FROM pg_stat_activity \
                   WHERE datname = current_database() AND application_name = 'ca-server'";
    let listing = Statement::from_string(database.get_database_backend(), listing);
    let rows = database.query_all_raw(listing).await.unwrap();
    rows.iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect()
}

async fn all_readers_wait(database: &DatabaseConnection) {
    let waiting = "SELECT count(*) FROM pg_stat_activity \
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    loop {
        let waiting = Statement::from_string(database.get_database_backend(), waiting);
        let row = database.query_one_raw(waiting).await.unwrap().unwrap();
        let count: i64 = row.try_get_by_index(0).unwrap();
        if count >= i64::from(READERS) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn hold_orders(database: &DatabaseConnection) -> DatabaseTransaction {
    let transaction = database.begin().await.unwrap();
    let hold = "LOCK TABLE acme_order IN ACCESS EXCLUSIVE MODE";
    transaction.execute_unprepared(hold).await.unwrap();
    transaction
}

const LONGER_THAN_SILENCE: Duration = Duration::from_secs(2);
/// In which connections that nobody needs would end.
const A_MOMENT: Duration = Duration::from_secs(1);
/// As many as the bench's store has.
const READERS: u32 = 4;
