//! What is refused before a serial is drawn.

use super::*;

#[tokio::test]
async fn refuses_names_that_differ_from_the_entitlement() {
    let world = World::at_noon();
    let cases: [(&str, &[&str], &[&str]); 6] = [
        ("", &["dns:a.example", "dns:b.example"], &["dns:a.example"]),
        ("", &["dns:a.example"], &["dns:a.example", "dns:b.example"]),
        ("CN=b.example", &["dns:a.example"], &["dns:a.example"]),
        (
            "CN=a.example,CN=b.example",
            &["dns:a.example"],
            &["dns:a.example"],
        ),
        ("CN=10.0.0.1", &["dns:a.example"], &["dns:a.example"]),
        ("CN=not a name", &["dns:a.example"], &["dns:a.example"]),
    ];

    for (subject, sans, ordered) in cases {
        let result = walk(&world, csr(subject, sans), claim(ordered)).await;
        assert!(
            rules(result).contains(&Rule::Name),
            "{subject} {sans:?} {ordered:?}"
        );
    }
}

#[tokio::test]
async fn refuses_keys_that_the_profile_or_the_door_forbids() {
    let world = World::at_noon();
    let names = ["dns:a.example"];
    let p384 = csr_by(&key(KeyAlgorithm::EcP384), "", &names);
    let own = key(KeyAlgorithm::EcP256);
    let fingerprint = PublicKey::fingerprint_sha256(own.public_key());
    let forbidding = EntitlementClaim {
        forbidden_key: Some(fingerprint),
        ..claim(&names)
    };

    let wrong_kind = walk(&world, p384, claim(&names)).await;
    let account_key = walk(&world, csr_by(&own, "", &names), forbidding).await;

    assert_eq!(rules(wrong_kind), [Rule::Key]);
    assert_eq!(rules(account_key), [Rule::Key]);
}

#[tokio::test]
async fn certifies_no_key_of_an_authority() {
    let world = World::at_noon();
    let names = ["dns:a.example"];

    let own = csr_by(world.key.as_ref(), "", &names);
    let result = walk(&world, own, claim(&names)).await;

    assert_eq!(rules(result), [Rule::Key]);
    assert!(world.ledger.serials().is_empty());
}

#[tokio::test]
async fn certifies_no_key_again_that_was_reported_compromised() {
    let world = World::at_noon();
    let names = ["dns:a.example"];
    for (reason, expected) in [
        (RevocationReason::Superseded, true),
        (RevocationReason::KeyCompromise, false),
    ] {
        let key = key(KeyAlgorithm::EcP256);
        let first = walk(&world, csr_by(&key, "", &names), claim(&names)).await;
        let serial = first.unwrap().certificate().serial().clone();
        let revoked = world
            .corridor
            .revoke("tls", &serial, reason, &Actor::System);
        revoked.await.unwrap();

        let again = walk(&world, csr_by(&key, "", &names), claim(&names)).await;

        assert_eq!(again.is_ok(), expected, "{reason:?}");
        if !expected {
            assert_eq!(rules(again), [Rule::Key]);
        }
    }
}

#[tokio::test]
async fn a_profile_that_does_not_exist_is_a_refusal_with_an_event() {
    let world = World::at_noon();
    let names = ["dns:a.example"];
    let unknown = EntitlementClaim {
        profile: "none".to_owned(),
        ..claim(&names)
    };

    let result = walk(&world, csr("", &names), unknown).await;

    assert_eq!(rules(result), [Rule::Profile]);
    let events = world.ledger.events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].details["profile"], "none");
}

#[tokio::test]
async fn refuses_types_of_names_that_the_profile_lacks() {
    let world = World::at_noon();
    let names = ["uri:spiffe://example.internal/ci/42"];

    let result = walk(&world, csr("", &names), claim(&names)).await;

    assert_eq!(rules(result), [Rule::Name]);
}
