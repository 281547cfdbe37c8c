//! CRLs.

use std::collections::BTreeSet;

use ca_issuance::audit::EventKind;
use ca_issuance::ledger::{Ledger, LedgerError, PublishedCrl};

use crate::bench::{Bench, HOUR, START, event, fifty, on_both_databases};

on_both_databases!(
    draws_each_number_once,
    keeps_the_highest_number,
    refuses_a_crl_that_knows_less,
);

fn crl(number: u64) -> PublishedCrl {
    PublishedCrl {
        number,
        this_update: START,
        next_update: START.plus(HOUR),
        revocation_epoch: 3,
        der: number.to_be_bytes().to_vec().into(),
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
    let publish = async |number| {
        let event = event(EventKind::CrlPublished, "tls");
        bench.store.publish_crl("tls", &crl(number), event).await
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
    assert_eq!(current.der.as_ref(), 3_u64.to_be_bytes());
    assert_eq!(current.next_update, START.plus(HOUR));
}

async fn refuses_a_crl_that_knows_less(bench: Bench) {
    let mut knows_less = crl(2);
    knows_less.revocation_epoch = 2;
    let published = || event(EventKind::CrlPublished, "tls");
    let store = &bench.store;
    store
        .publish_crl("tls", &crl(1), published())
        .await
        .unwrap();

    let refused = store.publish_crl("tls", &knows_less, published()).await;

    assert!(matches!(refused, Err(LedgerError::Conflict)));
    let current = store.current_crl("tls").await.unwrap().unwrap();
    assert_eq!(current.number, 1);
}
