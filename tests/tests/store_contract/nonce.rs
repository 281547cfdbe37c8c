//! Nonces.

use ca_acme::NONCE_OUTLASTS;
use ca_acme::store::AcmeStore;

use crate::bench::{Bench, HOUR, fifty, on_both_databases};

on_both_databases!(
    redeems_a_nonce_once_however_many_ask,
    remembers_across_a_restart,
    remembers_all_of_very_many_across_a_restart,
    forgets_what_expired,
    remembers_for_clocks_that_are_behind_or_set_back,
);

async fn redeems_a_nonce_once_however_many_ask(bench: Bench) {
    let expires_at = bench.now().plus(HOUR);

    let redeemed = fifty(|_| {
        let store = bench.store.clone();
        async move { store.redeem_nonce("nonce", expires_at).await.unwrap() }
    })
    .await;
    let other = bench.store.redeem_nonce("other", expires_at).await.unwrap();

    assert_eq!(redeemed.iter().filter(|first| **first).count(), 1);
    assert!(other);
}

async fn remembers_across_a_restart(mut bench: Bench) {
    let expires_at = bench.now().plus(HOUR);
    assert!(bench.store.redeem_nonce("nonce", expires_at).await.unwrap());

    bench.restart().await;

    assert!(!bench.store.redeem_nonce("nonce", expires_at).await.unwrap());
}

async fn remembers_all_of_very_many_across_a_restart(mut bench: Bench) {
    let expires_at = bench.now().plus(HOUR);
    for number in 0..VERY_MANY {
        let nonce = format!("nonce {number}");
        assert!(bench.store.redeem_nonce(&nonce, expires_at).await.unwrap());
    }

    bench.restart().await;

    for number in 0..VERY_MANY {
        let nonce = format!("nonce {number}");
        assert!(!bench.store.redeem_nonce(&nonce, expires_at).await.unwrap());
    }
}

async fn forgets_what_expired(mut bench: Bench) {
    let expires_at = bench.now().plus(HOUR);
    assert!(bench.store.redeem_nonce("nonce", expires_at).await.unwrap());
    bench.clock.advance(HOUR * 2);
    bench.restart().await;

    let pruned = bench.store.prune(bench.now(), bench.now()).await.unwrap();

    assert_eq!(pruned.nonces, 1);
    assert_eq!(bench.count("redeemed_nonce").await, 0);
}

async fn remembers_for_clocks_that_are_behind_or_set_back(mut bench: Bench) {
    let expires_at = bench.now().plus(HOUR);
    assert!(bench.store.redeem_nonce("nonce", expires_at).await.unwrap());
    bench.clock.advance(HOUR + NONCE_OUTLASTS);
    bench.restart().await;

    let pruned = bench.store.prune(bench.now(), bench.now()).await.unwrap();
    let again = bench.store.redeem_nonce("nonce", expires_at).await.unwrap();

    assert_eq!(pruned.nonces, 0);
    assert!(!again);
}

/// Only where one server serves: elsewhere the insert itself decides.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn is_durable_no_later_than_the_request_s_change() {
    let bench = Bench::sqlite().await;
    let expires_at = bench.now().plus(HOUR);

    bench.store.redeem_nonce("nonce", expires_at).await.unwrap();
    bench.account("anna").await;

    assert_eq!(bench.count("redeemed_nonce").await, 1);
}

/// More than a server reads at a time when it starts.
const VERY_MANY: u32 = 1_100;
