//! Pruning.

use std::time::Duration;

use ca_acme::store::{AcmeStore, Pruned};
use ca_issuance::ledger::Ledger;

use crate::bench::{Bench, HOUR, on_both_databases};

on_both_databases!(
    removes_what_ended,
    keeps_an_order_while_its_certificate_lives,
    keeps_what_is_being_issued,
);

async fn removes_what_ended(bench: Bench) {
    let anna = bench.account("anna").await;
    for _ in 0..3 {
        bench
            .pending_order(&anna, &["a.example.internal", "b.example.internal"])
            .await;
    }
    let order = bench.ready_order(&anna, &["c.example.internal"]).await;
    bench.certificate(Some(&order)).await;
    bench
        .store
        .redeem_nonce("nonce", bench.now().plus(HOUR))
        .await
        .unwrap();
    bench.clock.advance(HOUR * 48);
    let living = bench.pending_order(&anna, &["a.example.internal"]).await;

    let now = bench.now();
    let pruned = bench.store.prune(now, now).await.unwrap();
    let again = bench.store.prune(now, now).await.unwrap();

    let expected = Pruned {
        orders: 4,
        authorizations: 7,
        nonces: 1,
        certificates: 1,
    };
    assert_eq!(pruned, expected);
    assert_eq!(again, Pruned::default());
    assert_eq!(bench.order(&living.id).await, living);
}

async fn keeps_an_order_while_its_certificate_lives(bench: Bench) {
    let anna = bench.account("anna").await;
    let order = bench.ready_order(&anna, &["a.example.internal"]).await;
    let certificate = bench.certificate(Some(&order)).await;

    bench.clock.advance(HOUR * 12);
    let pruned = bench.store.prune(bench.now(), bench.now()).await.unwrap();

    assert_eq!(pruned, Pruned::default());
    assert!(bench.store.order(&order.id).await.unwrap().is_some());
    let record = bench
        .store
        .certificate("tls", &certificate.serial)
        .await
        .unwrap();
    assert!(record.is_some());
}

async fn keeps_what_is_being_issued(bench: Bench) {
    let anna = bench.account("anna").await;
    let order = bench.ready_order(&anna, &["a.example.internal"]).await;
    bench.intent(Some(&order)).await;

    bench.clock.advance(HOUR * 48);
    let later = bench.now().plus(Duration::from_secs(1));
    let pruned = bench.store.prune(later, later).await.unwrap();

    assert_eq!(pruned, Pruned::default());
}
