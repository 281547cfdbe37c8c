//! What a store remembers of identities never outlives a change, whoever makes it.

use std::sync::Arc;

use ca_identity::IdentityStore;
use ca_issuance::audit::EventKind;
use tokio::task::JoinSet;

use super::{event, grant, hash, job, operator_token, session_of};
use crate::bench::{Bench, HOUR, START, on_both_databases};

on_both_databases!(
    a_token_revoked_through_another_store_is_out_at_once,
    a_token_changed_by_hand_is_out_at_once,
    a_session_ended_through_another_store_is_out_at_once,
    a_row_removed_by_hand_is_out_at_once,
    a_grant_made_or_removed_elsewhere_counts_at_once,
    a_clock_put_back_brings_grants_back,
    sees_every_revocation_among_many_readers,
);

async fn add_token(bench: &Bench, id: &str, number: u8) {
    let created = event(EventKind::OperatorTokenCreated, START);
    let token = operator_token(id, number);
    let added = bench.store.add_operator_token(token, created);
    added.await.unwrap();
}

async fn open(bench: &Bench, id: &str) {
    let opened = event(EventKind::LoginSucceeded, START);
    let opening = bench
        .store
        .open_session(session_of(id, job()), None, opened);
    opening.await.unwrap();
}

async fn is_revoked(bench: &Bench, number: u8) -> bool {
    let token = bench.store.operator_token(&hash(number)).await.unwrap();
    token.unwrap().revoked_at.is_some()
}

async fn names(bench: &Bench) -> Vec<String> {
    let grants = bench.store.grants(START).await.unwrap();
    grants.iter().map(|grant| grant.name.clone()).collect()
}

async fn a_token_revoked_through_another_store_is_out_at_once(bench: Bench) {
    let other = bench.another_store().await;
    add_token(&bench, "one", 1).await;
    assert!(!is_revoked(&bench, 1).await);

    let revoked = event(EventKind::OperatorTokenRevoked, START);
    assert!(other.revoke_operator_token("one", revoked).await.unwrap());

    assert!(is_revoked(&bench, 1).await);
}

async fn a_token_changed_by_hand_is_out_at_once(bench: Bench) {
    add_token(&bench, "one", 1).await;
    assert!(!is_revoked(&bench, 1).await);

    bench
        .execute("UPDATE operator_token SET revoked_at = 7")
        .await;

    assert!(is_revoked(&bench, 1).await);
}

async fn a_session_ended_through_another_store_is_out_at_once(bench: Bench) {
    let other = bench.another_store().await;
    open(&bench, "session").await;
    let before = bench.store.session("session").await.unwrap().unwrap();

    let ended = event(EventKind::SessionRevoked, START);
    assert!(other.revoke_session("session", ended).await.unwrap());
    let after = bench.store.session("session").await.unwrap().unwrap();

    assert_eq!((before.revoked_at, after.revoked_at), (None, Some(START)));
}

async fn a_row_removed_by_hand_is_out_at_once(bench: Bench) {
    add_token(&bench, "one", 1).await;
    open(&bench, "session").await;
    assert!(bench.store.session("session").await.unwrap().is_some());
    assert!(!is_revoked(&bench, 1).await);

    bench.execute("DELETE FROM session").await;
    bench.execute("DELETE FROM operator_token").await;

    assert_eq!(bench.store.session("session").await.unwrap(), None);
    assert_eq!(bench.store.operator_token(&hash(1)).await.unwrap(), None);
}

async fn a_grant_made_or_removed_elsewhere_counts_at_once(bench: Bench) {
    let other = bench.another_store().await;
    assert!(names(&bench).await.is_empty());

    let created = event(EventKind::GrantCreated, START);
    other.add_grant(grant("jobs"), created).await.unwrap();
    let made = names(&bench).await;
    let removed = event(EventKind::GrantRemoved, START);
    assert!(other.remove_grant("jobs", removed).await.unwrap());

    assert_eq!(made, ["jobs"]);
    assert!(names(&bench).await.is_empty());
}

async fn a_clock_put_back_brings_grants_back(bench: Bench) {
    let created = event(EventKind::GrantCreated, START);
    let added = bench.store.add_grant(grant("for-an-hour"), created);
    added.await.unwrap();

    let ended = bench.store.grants(START.plus(HOUR)).await.unwrap();

    assert_eq!(ended, []);
    assert_eq!(names(&bench).await, ["for-an-hour"]);
}

/// Readers fill the memory while others change what it holds: whoever asks after a revocation was
/// answered sees it, whatever was under way.
async fn sees_every_revocation_among_many_readers(bench: Bench) {
    let other = bench.another_store().await;
    for number in 0..20 {
        add_token(&bench, &number.to_string(), number).await;
    }
    let bench = Arc::new(bench);
    let mut readers = JoinSet::new();
    for _ in 0..8 {
        let bench = Arc::clone(&bench);
        readers.spawn(async move {
            loop {
                for number in 0..20 {
                    is_revoked(&bench, number).await;
                }
            }
        });
    }

    for number in 0..20 {
        let revoked = event(EventKind::OperatorTokenRevoked, START);
        let id = number.to_string();
        assert!(other.revoke_operator_token(&id, revoked).await.unwrap());
        assert!(is_revoked(&bench, number).await, "{number}");
    }

    readers.shutdown().await;
    for number in 0..20 {
        assert!(is_revoked(&bench, number).await, "{number}");
    }
}
