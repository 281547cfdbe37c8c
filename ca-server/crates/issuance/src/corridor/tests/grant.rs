//! Uses of grants, idempotency keys, and what is remembered of who asked.

use serde_json::json;

use super::*;
use crate::audit::EventKind;
use crate::entitlement::{GrantKept, GrantUse, Idempotency};

fn once() -> EntitlementClaim {
    EntitlementClaim {
        grant: Some(GrantUse {
            name: "release".to_owned(),
            limit: Some(1),
            kept: GrantKept::Configuration,
        }),
        ..claim(&NAMES)
    }
}

fn keyed() -> EntitlementClaim {
    EntitlementClaim {
        idempotency: Some(Idempotency {
            actor: "client:ci".to_owned(),
            key: "key".to_owned(),
            request_hash: [3; 32],
        }),
        ..claim(&NAMES)
    }
}

#[tokio::test]
async fn a_used_up_grant_is_a_refusal_with_an_event() {
    let world = World::at_noon();

    let first = walk(&world, csr("", &NAMES), once()).await;
    let second = walk(&world, csr("", &NAMES), once()).await;

    assert!(first.is_ok());
    assert_eq!(rules(second), [Rule::Grant]);
    let events = world.ledger.events();
    let last = events.last().unwrap();
    assert_eq!(last.kind, EventKind::CertificateRefused);
    assert_eq!(last.details["grant"], "release");
    assert_eq!(last.details["identifiers"], json!(NAMES));
    assert_eq!(world.ledger.serials().len(), 1);
}

#[tokio::test]
async fn a_grant_withdrawn_after_it_was_judged_issues_nothing() {
    let world = World::at_noon();
    let kept_in_store = EntitlementClaim {
        grant: Some(GrantUse {
            name: "release".to_owned(),
            limit: None,
            kept: GrantKept::Store { terms: json!({}) },
        }),
        ..claim(&NAMES)
    };
    world.ledger.withdraw_grant("release");

    let refused = walk(&world, csr("", &NAMES), kept_in_store).await;
    let configured = walk(&world, csr("", &NAMES), once()).await;

    assert_eq!(rules(refused), [Rule::Grant]);
    assert!(configured.is_ok());
    let refusal = &world.ledger.events()[0];
    assert_eq!(refusal.kind, EventKind::CertificateRefused);
    assert_eq!(world.ledger.serials().len(), 1);
}

#[tokio::test]
async fn a_serial_that_is_burned_costs_no_use_and_no_key() {
    let world = World::at_noon();
    let both = || EntitlementClaim {
        grant: once().grant,
        ..keyed()
    };

    world.key.set(KeyFault::Away);
    let away = walk(&world, csr("", &NAMES), both()).await;
    world.key.set(KeyFault::None);
    let back = walk(&world, csr("", &NAMES), both()).await;

    assert!(matches!(away, Err(IssuanceError::Busy { .. })), "{away:?}");
    assert!(back.is_ok(), "{back:?}");
}

#[tokio::test]
async fn the_same_idempotency_key_gets_no_second_certificate() {
    let world = World::at_noon();

    let first = walk(&world, csr("", &NAMES), keyed()).await.unwrap();
    let second = walk(&world, csr("", &NAMES), keyed()).await;

    assert!(
        matches!(second, Err(IssuanceError::Duplicate)),
        "{second:?}"
    );
    let now = world.clock.now();
    let earlier = world.ledger.idempotent("client:ci", "key", now).await;
    let earlier = earlier.unwrap().unwrap();
    assert_eq!(earlier.serial, *first.certificate().serial());
    assert_eq!(earlier.request_hash, [3; 32]);
}

#[tokio::test]
async fn remembers_who_asked_through_what_and_why() {
    let world = World::at_noon();
    let provenance = json!({ "door": "acme", "address": "10.0.0.1" });
    let claim = EntitlementClaim {
        actor: Actor::Identity {
            name: "oidc:gitlab:42".to_owned(),
            via: Some("acme:default:anna".to_owned()),
        },
        provenance: Some(provenance.clone()),
        ..once()
    };

    let issued = walk(&world, csr("", &NAMES), claim).await.unwrap();

    let serial = issued.certificate().serial();
    let record = world.ledger.certificate("tls", serial).await;
    let record = record.unwrap().unwrap();
    assert_eq!(record.requested_by, "oidc:gitlab:42 via acme:default:anna");
    assert_eq!(record.requester, "oidc:gitlab:42");
    assert_eq!(record.grant.as_deref(), Some("release"));
    assert_eq!(record.provenance, Some(provenance));
}

#[tokio::test]
async fn a_life_is_no_longer_than_the_grant_allows() {
    let world = World::at_noon();
    let hour = Duration::from_secs(3_600);
    let within = |max_lifetime, not_after| EntitlementClaim {
        max_lifetime,
        not_after,
        ..claim(&NAMES)
    };
    let now = world.clock.now();
    let cases = [
        (within(Some(hour), None), Some(hour)),
        (within(Some(hour), Some(now.plus(hour * 5))), Some(hour)),
        (within(Some(hour * 48), None), Some(hour * 24)),
        (within(Some(Duration::from_secs(30)), None), None),
    ];

    for (claim, expected) in cases {
        let shown = format!("{claim:?}");
        let result = walk(&world, csr("", &NAMES), claim).await;

        let lifetime = result.ok().map(|issued| issued.validity().lifetime());
        assert_eq!(lifetime, expected, "{shown}");
    }
}
