//! Operator tokens.

use std::time::Duration;

use ca_issuance::LedgerError;
use ca_issuance::audit::EventKind;

use super::{Remembering, event, hash, on_every_store, operator_token};
use crate::bench::START;

on_every_store!(
    finds_a_token_by_its_hash_and_lists_the_newest_first,
    gives_an_id_and_a_hash_to_one_token,
    revokes_a_token_once,
);

async fn finds_a_token_by_its_hash_and_lists_the_newest_first(bench: Remembering) {
    let old = operator_token("old", 1);
    let mut newer = operator_token("newer", 2);
    newer.created_at = START.plus(Duration::from_secs(1));
    newer.expires_at = None;
    let twin = operator_token("twin", 3);
    for token in [&twin, &old, &newer] {
        let created = event(EventKind::OperatorTokenCreated, START);
        let added = bench.store.add_operator_token(token.clone(), created);
        added.await.unwrap();
    }

    let found = bench.store.operator_token(&hash(2)).await.unwrap();
    let unknown = bench.store.operator_token(&hash(9)).await.unwrap();
    let listed = bench.store.operator_tokens().await.unwrap();

    assert_eq!(found, Some(newer.clone()));
    assert_eq!(unknown, None);
    assert_eq!(listed, [newer, old, twin]);
}

async fn gives_an_id_and_a_hash_to_one_token(bench: Remembering) {
    let created = || event(EventKind::OperatorTokenCreated, START);
    let first = operator_token("one", 1);
    let added = bench.store.add_operator_token(first.clone(), created());
    added.await.unwrap();

    for other in [operator_token("one", 2), operator_token("two", 1)] {
        let refused = bench.store.add_operator_token(other, created()).await;
        assert!(matches!(refused, Err(LedgerError::Conflict)));
    }
    assert_eq!(bench.store.operator_tokens().await.unwrap(), [first]);
    assert_eq!(bench.events().await, ["operator-token.created"]);
}

async fn revokes_a_token_once(bench: Remembering) {
    let created = event(EventKind::OperatorTokenCreated, START);
    let token = operator_token("one", 1);
    let added = bench.store.add_operator_token(token, created);
    added.await.unwrap();
    let revoke = async |id: &str| {
        let revoked = event(EventKind::OperatorTokenRevoked, START);
        bench
            .store
            .revoke_operator_token(id, revoked)
            .await
            .unwrap()
    };

    assert!(revoke("one").await);
    for id in ["one", "nobody", "\0"] {
        assert!(!revoke(id).await, "{id:?}");
    }

    let token = bench.store.operator_token(&hash(1)).await.unwrap();
    assert_eq!(token.unwrap().revoked_at, Some(START));
    let events = bench.events().await;
    assert_eq!(events, ["operator-token.created", "operator-token.revoked"]);
}
