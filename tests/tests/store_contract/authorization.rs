//! Authorizations and challenges.

use std::time::Duration;

use ca_acme::authorization::{AuthorizationStatus, ChallengeKind, ChallengeStatus};
use ca_acme::order::OrderStatus;
use ca_acme::store::{AcmeStore, Placement, StoreError, ValidationOutcome};
use ca_acme::{Problem, ProblemKind};
use ca_issuance::audit::EventKind;
use ca_pki::Identifier;

use crate::bench::{Bench, HOUR, dns, event, fifty, new_order, on_both_databases, pending};

on_both_databases!(
    adds_and_reads_back,
    begins_a_validation_once_however_many_ask,
    lists_interrupted_validations_until_they_end,
    keeps_the_challenge_that_succeeded,
    keeps_the_challenge_that_failed_and_why,
    concludes_once_however_many_ask,
    expires,
    deactivates_once,
    finds_reusable_ones,
    tells_who_holds_every_identifier,
    a_granted_one_serves_its_order_alone_and_shows_no_control,
    notes_caa_checks,
);

async fn adds_and_reads_back(bench: Bench) {
    let anna = bench.account("anna").await;
    let added = pending(&anna, "*.a.example.internal", bench.now());
    let mut by_address = pending(&anna, "a.example.internal", bench.now());
    by_address.identifier = Identifier::parse("ip", "10.1.2.3").unwrap();
    for one in [&added, &by_address] {
        let event = event(EventKind::AuthorizationCreated, &one.id);
        bench
            .store
            .add_authorization(one.clone(), event)
            .await
            .unwrap();
    }

    let read = bench.store.authorization(&added.id).await.unwrap();
    let ids = [
        by_address.id.clone(),
        "nonesuch".to_owned(),
        added.id.clone(),
    ];
    let several = bench.store.authorizations(&ids).await.unwrap();

    assert_eq!(read.as_ref(), Some(&added));
    assert_eq!(several, [by_address, added]);
}

async fn begins_a_validation_once_however_many_ask(bench: Bench) {
    let anna = bench.account("anna").await;
    let order = bench.pending_order(&anna, &["a.example.internal"]).await;
    let id = order.authorizations[0].clone();

    let begun = fifty(|_| {
        let (store, id) = (bench.store.clone(), id.clone());
        async move { store.begin_validation(&id, ChallengeKind::Http01).await }
    })
    .await;

    assert_eq!(begun.iter().filter(|one| one.is_ok()).count(), 1);
    let lost = |one: &&Result<(), StoreError>| matches!(one, Err(StoreError::Conflict));
    assert_eq!(begun.iter().filter(lost).count(), 49);
    let authorization = bench.store.authorization(&id).await.unwrap().unwrap();
    let statuses: Vec<_> = authorization
        .challenges
        .iter()
        .map(|one| one.status)
        .collect();
    assert_eq!(
        statuses,
        [ChallengeStatus::Processing, ChallengeStatus::Pending]
    );
}

async fn lists_interrupted_validations_until_they_end(bench: Bench) {
    let anna = bench.account("anna").await;
    let order = bench
        .pending_order(&anna, &["a.example.internal", "b.example.internal"])
        .await;
    let id = &order.authorizations[0];
    bench
        .store
        .begin_validation(id, ChallengeKind::Http01)
        .await
        .unwrap();

    let during = bench.store.interrupted_validations().await.unwrap();
    bench.prove(id).await;
    let after = bench.store.interrupted_validations().await.unwrap();

    let ids: Vec<_> = during.iter().map(|one| &one.id).collect();
    assert_eq!(ids, [id]);
    assert!(after.is_empty());
}

async fn keeps_the_challenge_that_succeeded(bench: Bench) {
    let anna = bench.account("anna").await;
    let order = bench.pending_order(&anna, &["a.example.internal"]).await;

    let proven = bench.prove(&order.authorizations[0]).await;

    let read = bench
        .store
        .authorization(&proven.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(read, proven);
    assert_eq!(read.status, AuthorizationStatus::Valid);
    assert_eq!(read.expires_at, bench.now().plus(HOUR * 8));
    let challenges: Vec<_> = read
        .challenges
        .iter()
        .map(|one| (one.kind, one.status))
        .collect();
    assert_eq!(
        challenges,
        [(ChallengeKind::Http01, ChallengeStatus::Valid)]
    );
    assert_eq!(read.challenges[0].validated_at, Some(bench.now()));
}

async fn keeps_the_challenge_that_failed_and_why(bench: Bench) {
    let anna = bench.account("anna").await;
    let order = bench.pending_order(&anna, &["a.example.internal"]).await;
    let id = &order.authorizations[0];
    let mut why = Problem::new(ProblemKind::Dns, "SERVFAIL").with_status(400);
    why.subproblems = vec![
        Problem::new(ProblemKind::Dns, "no A").about(dns("a.example.internal")),
        Problem::new(ProblemKind::Dns, "no AAAA").retry_after(Duration::from_secs(3)),
    ];

    let event = event(EventKind::AuthorizationRefused, id);
    let failed = ValidationOutcome::Failed(why.clone());
    let concluded = bench
        .store
        .conclude_validation(id, ChallengeKind::Dns01, failed, event);
    concluded.await.unwrap();

    let read = bench.store.authorization(id).await.unwrap().unwrap();
    assert_eq!(read.status, AuthorizationStatus::Invalid);
    assert_eq!(read.challenges.len(), 1);
    assert_eq!(read.challenges[0].kind, ChallengeKind::Dns01);
    assert_eq!(read.challenges[0].error, Some(why));
}

async fn concludes_once_however_many_ask(bench: Bench) {
    let anna = bench.account("anna").await;
    let order = bench.pending_order(&anna, &["a.example.internal"]).await;
    let id = order.authorizations[0].clone();

    let concluded = fifty(|number| {
        let (store, id) = (bench.store.clone(), id.clone());
        let event = event(EventKind::AuthorizationValidated, &id);
        let expires_at = bench.now().plus(HOUR);
        let outcome = match number % 2 {
            0 => ValidationOutcome::Proven { expires_at },
            _ => ValidationOutcome::Failed(Problem::new(ProblemKind::Connection, "refused")),
        };
        async move {
            let kind = ChallengeKind::Http01;
            store.conclude_validation(&id, kind, outcome, event).await
        }
    })
    .await;

    assert_eq!(concluded.iter().filter(|one| one.is_ok()).count(), 1);
}

async fn expires(bench: Bench) {
    let anna = bench.account("anna").await;
    let order = bench.pending_order(&anna, &["a.example.internal"]).await;
    let id = &order.authorizations[0];

    bench.clock.advance(HOUR);
    let read = bench.store.authorization(id).await.unwrap().unwrap();
    let begun = bench
        .store
        .begin_validation(id, ChallengeKind::Http01)
        .await;

    assert_eq!(read.status, AuthorizationStatus::Expired);
    assert!(matches!(begun, Err(StoreError::Conflict)));
}

async fn deactivates_once(bench: Bench) {
    let anna = bench.account("anna").await;
    let order = bench.ready_order(&anna, &["a.example.internal"]).await;
    let id = &order.authorizations[0];
    let event = || event(EventKind::AuthorizationDeactivated, id);

    let first = bench
        .store
        .deactivate_authorization(id, event())
        .await
        .unwrap();
    let second = bench.store.deactivate_authorization(id, event()).await;

    assert_eq!(first.status, AuthorizationStatus::Deactivated);
    assert!(matches!(second, Err(StoreError::Conflict)));
}

async fn finds_reusable_ones(bench: Bench) {
    let anna = bench.account("anna").await;
    let valid = bench.ready_order(&anna, &["a.example.internal"]).await;
    bench.pending_order(&anna, &["b.example.internal"]).await;
    let standalone = pending(&anna, "c.example.internal", bench.now());
    let event = event(EventKind::AuthorizationCreated, &standalone.id);
    bench
        .store
        .add_authorization(standalone.clone(), event)
        .await
        .unwrap();
    let wildcard = bench.ready_order(&anna, &["*.d.example.internal"]).await;

    let names = [
        "a.example.internal",
        "b.example.internal",
        "c.example.internal",
        "*.a.example.internal",
        "*.d.example.internal",
        "d.example.internal",
    ]
    .map(dns);
    let until = bench.now().plus(Duration::from_secs(60));
    let found = bench.store.reusable_authorizations("anna", &names, until);
    let found = found.await.unwrap();
    let for_long = bench.now().plus(HOUR * 24);
    let lasting = bench
        .store
        .reusable_authorizations("anna", &names, for_long);
    let lasting = lasting.await.unwrap();

    let ids: Vec<_> = found.iter().map(|one| one.id.as_str()).collect();
    let expected = [
        &valid.authorizations[0],
        &standalone.id,
        &wildcard.authorizations[0],
    ];
    assert_eq!(ids, expected);
    assert!(lasting.is_empty());
}

async fn tells_who_holds_every_identifier(bench: Bench) {
    let anna = bench.account("anna").await;
    bench.account("ben").await;
    bench
        .ready_order(&anna, &["a.example.internal", "*.b.example.internal"])
        .await;
    let both = ["a.example.internal", "*.b.example.internal"].map(dns);
    let more = ["a.example.internal", "b.example.internal"].map(dns);
    let (now, later) = (bench.now(), bench.now().plus(HOUR * 8));
    let store = &bench.store;

    assert!(
        store
            .holds_authorizations("anna", &both, now)
            .await
            .unwrap()
    );
    assert!(
        !store
            .holds_authorizations("anna", &both, later)
            .await
            .unwrap()
    );
    assert!(
        !store
            .holds_authorizations("anna", &more, now)
            .await
            .unwrap()
    );
    assert!(!store.holds_authorizations("ben", &both, now).await.unwrap());
}

async fn a_granted_one_serves_its_order_alone_and_shows_no_control(bench: Bench) {
    let anna = bench.account("anna").await;
    let now = bench.now();
    let names = ["a.ci.example.internal"];
    let mut granted = new_order(&anna, &names, now);
    for authorization in &mut granted.new_authorizations {
        authorization.status = AuthorizationStatus::Valid;
        authorization.challenges = Vec::new();
        authorization.granted_by = Some("release-jobs".to_owned());
    }
    let mut second = new_order(&anna, &names, now);
    second.new_authorizations = Vec::new();
    second.order.authorizations = granted.order.authorizations.clone();
    let identifiers = names.map(dns);

    let born = granted.new_authorizations.clone();
    let order = bench.place(granted).await;
    let store = &bench.store;
    let read = store.authorizations(&order.authorizations).await.unwrap();
    let reusable = store.reusable_authorizations("anna", &identifiers, now);
    let reusable = reusable.await.unwrap();
    let holds = store.holds_authorizations("anna", &identifiers, now);
    let holds = holds.await.unwrap();
    let placing = event(EventKind::OrderCreated, &second.order.id);
    let placement = store.place_order(second, placing).await.unwrap();

    assert_eq!(order.status, OrderStatus::Ready);
    assert_eq!(read, born);
    assert!(reusable.is_empty());
    assert!(!holds);
    assert_eq!(placement, Placement::AuthorizationGone);
}

async fn notes_caa_checks(bench: Bench) {
    let anna = bench.account("anna").await;
    let order = bench
        .pending_order(&anna, &["a.example.internal", "b.example.internal"])
        .await;

    let noted = bench
        .store
        .note_caa_check(&order.authorizations, bench.now());
    noted.await.unwrap();

    for authorization in bench
        .store
        .authorizations(&order.authorizations)
        .await
        .unwrap()
    {
        assert_eq!(authorization.caa_checked_at, Some(bench.now()));
    }
}
