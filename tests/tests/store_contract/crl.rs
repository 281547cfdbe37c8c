//! CRLs.

use std::collections::BTreeSet;
use std::time::Duration;

use ca_issuance::audit::EventKind;
use ca_issuance::lease::Fence;
use ca_issuance::ledger::{Ledger, LedgerError, PublishedCrl};

use crate::bench::{Bench, HOUR, START, event, fifty, on_both_databases};

on_both_databases!(
    draws_each_number_once,
    keeps_the_highest_number,
    refuses_a_crl_that_knows_less,
    refuses_a_crl_of_a_holder_that_was_replaced,
);

fn crl(number: u64) -> PublishedCrl {
    PublishedCrl {
        number,
        this_update: START,
        next_update: START.plus(HOUR),
        revocation_epoch: 3,
        first_revocation: 2,
        ended_before: START.minus(HOUR),
        signature: number.to_be_bytes().to_vec(),
    }
}

async fn draws_each_number_once(mut bench: Bench) {
    let other_server = bench.another_store().await;
    let drawn = fifty(|number| {
        let store = match number % 2 {
            0 => bench.store.clone(),
            _ => other_server.clone(),
        };
        async move { store.next_crl_number("tls").await.unwrap() }
    })
    .await;
    bench.restart().await;
    let next = bench.store.next_crl_number("tls").await.unwrap();
    let of_another = bench.store.next_crl_number("other").await.unwrap();

    assert_eq!(
        drawn.into_iter().collect::<BTreeSet<_>>(),
        (1..=50).collect()
    );
    assert_eq!((next, of_another), (51, 1));
}

async fn keeps_the_highest_number(bench: Bench) {
    let fence = take_over(&bench, "one").await;
    let publish = async |number| {
        let event = event(EventKind::CrlPublished, "tls");
        let crl = crl(number);
        bench.store.publish_crl("tls", &crl, &fence, event).await
    };

    let none = bench.store.current_crl("tls").await.unwrap();
    publish(2).await.unwrap();
    let older = publish(1).await;
    let same = publish(2).await;
    publish(3).await.unwrap();
    let current = bench.store.current_crl("tls").await.unwrap().unwrap();

    assert!(none.is_none());
    assert!(matches!(older, Err(LedgerError::Conflict)));
    assert!(matches!(same, Err(LedgerError::Conflict)));
    assert_eq!((current.number, current.revocation_epoch), (3, 3));
    assert_eq!(current.signature, 3_u64.to_be_bytes());
    assert_eq!(current.next_update, START.plus(HOUR));
    assert_eq!(current.first_revocation, 2);
    assert_eq!(current.ended_before, START.minus(HOUR));
}

async fn refuses_a_crl_that_knows_less(bench: Bench) {
    let mut knows_less = crl(2);
    knows_less.revocation_epoch = 2;
    let published = || event(EventKind::CrlPublished, "tls");
    let store = &bench.store;
    let fence = take_over(&bench, "one").await;
    store
        .publish_crl("tls", &crl(1), &fence, published())
        .await
        .unwrap();

    let refused = store
        .publish_crl("tls", &knows_less, &fence, published())
        .await;

    assert!(matches!(refused, Err(LedgerError::Conflict)));
    let current = store.current_crl("tls").await.unwrap().unwrap();
    assert_eq!(current.number, 1);
}

async fn refuses_a_crl_of_a_holder_that_was_replaced(bench: Bench) {
    let published = || event(EventKind::CrlPublished, "tls");
    let store = &bench.store;
    let frozen = take_over(&bench, "one").await;
    let successor = take_over(&bench, "two").await;

    let refused = store
        .publish_crl("tls", &crl(1), &frozen, published())
        .await;
    let none = store.current_crl_number("tls").await.unwrap();
    store
        .publish_crl("tls", &crl(2), &successor, published())
        .await
        .unwrap();

    assert!(matches!(refused, Err(LedgerError::Conflict)));
    assert_eq!(none, None);
    assert_eq!(store.current_crl_number("tls").await.unwrap(), Some(2));
}

/// Claims the work for a span that ends at once, so that the next one may have it.
async fn take_over(bench: &Bench, holder: &str) -> Fence {
    let claimed = bench
        .store
        .claim("crl.tls", holder, bench.now(), Duration::ZERO);
    Fence {
        work: "crl.tls".into(),
        number: claimed.await.unwrap().unwrap(),
    }
}
