//! What an intent takes beside its serial: a use of a grant, an idempotency key.

use ca_acme::store::AcmeStore;
use ca_issuance::Actor;
use ca_issuance::audit::EventKind;
use ca_issuance::entitlement::{GrantKept, GrantUse, Idempotency};
use ca_issuance::ledger::{EarlierRequest, Intent, Ledger, LedgerError};
use serde_json::json;

use crate::bench::{Bench, START, event, fifty, intent, on_both_databases};

on_both_databases!(
    remembers_who_asked_and_why,
    counts_the_uses_of_a_limited_grant_exactly,
    lets_a_grant_without_a_limit_be_used_without_counting,
    a_grant_of_no_uses_has_none,
    burning_gives_a_use_back_only_if_one_was_taken,
    takes_an_idempotency_key_once_however_many_ask,
    keeps_the_keys_of_different_actors_apart,
    burning_frees_the_idempotency_key,
    an_intent_that_fails_takes_neither_key_nor_use,
    forgets_an_idempotency_key_after_a_day,
);

async fn remembers_who_asked_and_why(bench: Bench) {
    let provenance = json!({ "principal": { "sub": "project:42" }, "grant": "release" });
    let asked = Intent {
        requested_by: Actor::Identity {
            name: "oidc:gitlab:project:42".to_owned(),
            via: Some("acme:default:anna".to_owned()),
        },
        grant: Some(unlimited("release")),
        provenance: Some(provenance.clone()),
        ..intent(bench.now(), None)
    };

    record(&bench, &asked).await.unwrap();

    let read = bench.store.certificate("tls", &asked.serial).await;
    let read = read.unwrap().unwrap();
    assert_eq!(read.requester, "oidc:gitlab:project:42");
    assert_eq!(
        read.requested_by,
        "oidc:gitlab:project:42 via acme:default:anna"
    );
    assert_eq!(read.grant.as_deref(), Some("release"));
    assert_eq!(read.provenance, Some(provenance));
    assert_eq!(read.recorded_at, START);
}

async fn counts_the_uses_of_a_limited_grant_exactly(bench: Bench) {
    let outcomes = fifty(|_| {
        let store = bench.store.clone();
        let intent = using(&bench, limited("release", 20));
        async move {
            let event = event(EventKind::CertificateIntended, "serial");
            store.record_intent(&intent, event).await
        }
    })
    .await;
    let other = record(&bench, &using(&bench, limited("nightly", 1))).await;

    let used_up = |one: &&Result<(), LedgerError>| matches!(one, Err(LedgerError::GrantUsedUp));
    assert_eq!(outcomes.iter().filter(|one| one.is_ok()).count(), 20);
    assert_eq!(outcomes.iter().filter(used_up).count(), 30);
    other.unwrap();
    assert_eq!(bench.count("certificate").await, 21);
}

async fn lets_a_grant_without_a_limit_be_used_without_counting(bench: Bench) {
    for _ in 0..3 {
        let asked = using(&bench, unlimited("release"));
        record(&bench, &asked).await.unwrap();
    }

    assert_eq!(bench.count("grant_use").await, 0);
}

async fn a_grant_of_no_uses_has_none(bench: Bench) {
    let refused = record(&bench, &using(&bench, limited("release", 0))).await;

    assert!(matches!(refused, Err(LedgerError::GrantUsedUp)));
}

async fn burning_gives_a_use_back_only_if_one_was_taken(bench: Bench) {
    let uncounted = using(&bench, unlimited("release"));
    record(&bench, &uncounted).await.unwrap();
    let counted = using(&bench, limited("release", 1));
    record(&bench, &counted).await.unwrap();
    let next = using(&bench, limited("release", 1));

    burn(&bench, &uncounted).await;
    let after_uncounted = record(&bench, &next).await;
    burn(&bench, &counted).await;
    let after_counted = record(&bench, &next).await;

    assert!(matches!(after_uncounted, Err(LedgerError::GrantUsedUp)));
    after_counted.unwrap();
}

async fn takes_an_idempotency_key_once_however_many_ask(bench: Bench) {
    let outcomes = fifty(|_| {
        let store = bench.store.clone();
        let intent = keyed(&bench, "anna", "key");
        async move {
            let event = event(EventKind::CertificateIntended, "serial");
            let outcome = store.record_intent(&intent, event).await;
            (intent.serial, outcome)
        }
    })
    .await;

    let duplicate =
        |one: &&(_, Result<(), LedgerError>)| matches!(one.1, Err(LedgerError::Duplicate));
    let (winner, _) = outcomes.iter().find(|one| one.1.is_ok()).unwrap();
    assert_eq!(outcomes.iter().filter(duplicate).count(), 49);
    let earlier = EarlierRequest {
        request_hash: [3; 32],
        issuer: "tls".to_owned(),
        serial: winner.clone(),
    };
    assert_eq!(find(&bench, "anna", "key").await, Some(earlier));
}

async fn keeps_the_keys_of_different_actors_apart(bench: Bench) {
    record(&bench, &keyed(&bench, "anna", "key")).await.unwrap();

    let ben = record(&bench, &keyed(&bench, "ben", "key")).await;

    ben.unwrap();
    assert_eq!(find(&bench, "carl", "key").await, None);
    assert_eq!(find(&bench, "anna", "k\0y").await, None);
}

async fn burning_frees_the_idempotency_key(bench: Bench) {
    let first = keyed(&bench, "anna", "key");
    record(&bench, &first).await.unwrap();

    burn(&bench, &first).await;
    let found = find(&bench, "anna", "key").await;
    let again = record(&bench, &keyed(&bench, "anna", "key")).await;

    assert_eq!(found, None);
    again.unwrap();
}

async fn an_intent_that_fails_takes_neither_key_nor_use(bench: Bench) {
    let refused = Intent {
        grant: Some(limited("release", 0)),
        ..keyed(&bench, "anna", "key")
    };
    let granted = Intent {
        grant: Some(limited("nightly", 1)),
        ..keyed(&bench, "anna", "key")
    };
    let spent = Intent {
        grant: Some(limited("weekly", 1)),
        ..bench.intent(None).await
    };

    record(&bench, &refused).await.unwrap_err();
    record(&bench, &spent).await.unwrap_err();
    let key_is_free = record(&bench, &granted).await;
    let use_is_left = record(&bench, &using(&bench, limited("weekly", 1))).await;

    key_is_free.unwrap();
    use_is_left.unwrap();
}

async fn forgets_an_idempotency_key_after_a_day(bench: Bench) {
    record(&bench, &keyed(&bench, "anna", "key")).await.unwrap();
    record(&bench, &keyed(&bench, "ben", "key")).await.unwrap();

    bench.clock.advance(Idempotency::KEPT);
    let found = find(&bench, "anna", "key").await;
    let again = record(&bench, &keyed(&bench, "anna", "key")).await;
    bench.clock.advance(std::time::Duration::from_secs(1));
    bench.store.prune(bench.now(), START).await.unwrap();

    assert_eq!(found, None);
    again.unwrap();
    assert!(find(&bench, "anna", "key").await.is_some());
    assert_eq!(bench.count("idempotency_key").await, 1);
}

fn limited(name: &str, limit: u64) -> GrantUse {
    GrantUse {
        name: name.to_owned(),
        limit: Some(limit),
        kept: GrantKept::Configuration,
    }
}

fn unlimited(name: &str) -> GrantUse {
    GrantUse {
        name: name.to_owned(),
        limit: None,
        kept: GrantKept::Configuration,
    }
}

fn using(bench: &Bench, grant: GrantUse) -> Intent {
    Intent {
        grant: Some(grant),
        ..intent(bench.now(), None)
    }
}

fn keyed(bench: &Bench, actor: &str, key: &str) -> Intent {
    Intent {
        idempotency: Some(Idempotency {
            actor: actor.to_owned(),
            key: key.to_owned(),
            request_hash: [3; 32],
        }),
        ..intent(bench.now(), None)
    }
}

async fn record(bench: &Bench, intent: &Intent) -> Result<(), LedgerError> {
    let event = event(EventKind::CertificateIntended, &intent.serial.to_string());
    bench.store.record_intent(intent, event).await
}

async fn burn(bench: &Bench, intent: &Intent) {
    let event = event(EventKind::CertificateBurned, &intent.serial.to_string());
    let burned = bench.store.burn("tls", &intent.serial, event);
    burned.await.unwrap();
}

async fn find(bench: &Bench, actor: &str, key: &str) -> Option<EarlierRequest> {
    let found = bench.store.idempotent(actor, key, bench.now()).await;
    found.unwrap()
}
