//! Grants made over the API.

use std::sync::Arc;

use ca_identity::grant::Grant;
use ca_issuance::LedgerError;
use ca_issuance::audit::EventKind;

use super::{Remembering, event, grant, on_every_store};
use crate::bench::{HOUR, START};

on_every_store!(
    reads_grants_back_and_lists_them_by_name,
    gives_a_name_to_one_grant,
    lists_no_grant_from_its_end_on,
    an_ended_grant_holds_no_name,
    removes_a_grant_once,
);

async fn add(bench: &Remembering, grant: &Grant) {
    let created = event(EventKind::GrantCreated, START);
    let added = bench.store.add_grant(grant.clone(), created);
    added.await.unwrap();
}

async fn reads_grants_back_and_lists_them_by_name(bench: Remembering) {
    let (first, second) = (grant("a"), grant("b"));
    add(&bench, &second).await;
    add(&bench, &first).await;

    let listed = bench.store.grants(START).await.unwrap();

    assert_eq!(listed, [first, second].map(Arc::new));
}

async fn gives_a_name_to_one_grant(bench: Remembering) {
    let first = grant("release-jobs");
    add(&bench, &first).await;
    let mut second = grant("release-jobs");
    second.profiles.clear();

    let created = event(EventKind::GrantCreated, START);
    let refused = bench.store.add_grant(second, created).await;

    assert!(matches!(refused, Err(LedgerError::Conflict)));
    assert_eq!(bench.store.grants(START).await.unwrap(), [Arc::new(first)]);
    assert_eq!(bench.events().await, ["grant.created"]);
}

async fn lists_no_grant_from_its_end_on(bench: Remembering) {
    add(&bench, &grant("for-an-hour")).await;

    let end = START.plus(HOUR);
    let before = end.minus(std::time::Duration::from_secs(1));

    assert_eq!(bench.store.grants(before).await.unwrap().len(), 1);
    assert!(bench.store.grants(end).await.unwrap().is_empty());
}

async fn an_ended_grant_holds_no_name(bench: Remembering) {
    add(&bench, &grant("release-jobs")).await;
    let end = START.plus(HOUR);
    let mut next = grant("release-jobs");
    next.expires_at = Some(end.plus(HOUR));
    next.uses = Some(7);

    let created = event(EventKind::GrantCreated, end);
    bench.store.add_grant(next.clone(), created).await.unwrap();

    assert_eq!(bench.store.grants(end).await.unwrap(), [Arc::new(next)]);
}

async fn removes_a_grant_once(bench: Remembering) {
    add(&bench, &grant("release-jobs")).await;
    let remove = async |name: &str| {
        let removed = event(EventKind::GrantRemoved, START);
        bench.store.remove_grant(name, removed).await.unwrap()
    };

    assert!(remove("release-jobs").await);
    for name in ["release-jobs", "nothing", "\0"] {
        assert!(!remove(name).await, "{name:?}");
    }

    assert!(bench.store.grants(START).await.unwrap().is_empty());
    let events = bench.events().await;
    assert_eq!(events, ["grant.created", "grant.removed"]);
}
