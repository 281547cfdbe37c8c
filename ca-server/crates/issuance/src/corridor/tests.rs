mod grant;
mod subject;

use std::collections::BTreeSet;
use std::time::Duration;

use ca_keys::SigningKey;
use ca_pki::crl::RevocationReason;
use ca_pki::csr::CsrTemplate;
use ca_pki::{Identifier, KeyAlgorithm, PublicKey, Validity};

use super::*;
use crate::ledger::{CertificateState, Intent};
use crate::settle::Settle;
use crate::testing::{KeyFault, World};
use crate::{Actor, EntitlementClaim};

fn names(texts: &[&str]) -> BTreeSet<Identifier> {
    texts
        .iter()
        .map(|text| {
            let (kind, value) = text.split_once(':').unwrap();
            Identifier::parse(kind, value).unwrap()
        })
        .collect()
}

fn key(algorithm: KeyAlgorithm) -> ca_keys::SoftwareKey {
    ca_keys::SoftwareKey::generate(algorithm).unwrap()
}

fn csr_by(key: &dyn SigningKey, subject: &str, sans: &[&str]) -> Csr {
    let subject_der = match subject {
        "" => vec![0x30, 0x00],
        text => ca_pki::certificate::name_from_text(text).unwrap(),
    };
    let template = CsrTemplate {
        subject_der,
        public_key: key.public_key().clone(),
        sans: names(sans).into_iter().collect(),
    };
    let to_be_signed = template.to_be_signed();
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    let signature = key.sign_blocking(&to_be_signed, deadline).unwrap();
    Csr::parse(&template.assemble(&to_be_signed, &signature)).unwrap()
}

fn csr(subject: &str, sans: &[&str]) -> Csr {
    csr_by(&key(KeyAlgorithm::EcP256), subject, sans)
}

fn claim(identifiers: &[&str]) -> EntitlementClaim {
    EntitlementClaim::new(Actor::System, names(identifiers), "tls-server")
}

async fn walk(world: &World, csr: Csr, claim: EntitlementClaim) -> Result<Issued, IssuanceError> {
    world.corridor.issue(csr, Entitlement::attest(claim)).await
}

fn rules(result: Result<Issued, IssuanceError>) -> Vec<Rule> {
    match result {
        Err(IssuanceError::Refused(violations)) => {
            violations.into_iter().map(|broken| broken.rule).collect()
        }
        other => panic!("expected a refusal, not {other:?}"),
    }
}

async fn only_state(world: &World) -> CertificateState {
    let serials = world.ledger.serials();
    assert_eq!(serials.len(), 1, "one serial was spent");
    let record = world.ledger.certificate("tls", &serials[0]).await.unwrap();
    record.unwrap().state
}

#[tokio::test]
async fn issues_what_was_asked_for_and_remembers_it() {
    let world = World::at_noon();
    let sans = ["dns:a.example", "dns:*.a.example", "ip:10.0.0.1"];

    let issued = walk(&world, csr("", &sans), claim(&sans)).await.unwrap();

    let certificate = issued.certificate();
    certificate
        .verify_issued_by(world.issuer().certificate())
        .unwrap();
    assert_eq!(certificate.extensions().sans, names(&sans));
    assert_eq!(
        certificate.validity().lifetime(),
        Duration::from_secs(86_400)
    );
    let now = world.clock.now();
    assert_eq!(
        certificate.validity().not_before,
        now.minus(Duration::from_secs(60))
    );
    let record = world
        .ledger
        .certificate("tls", certificate.serial())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(record.der.as_deref(), Some(certificate.der()));
    assert_eq!(record.state, CertificateState::Valid);
}

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
async fn takes_a_common_name_that_is_one_of_the_names() {
    let world = World::at_noon();
    let cases: [(&str, &[&str], &[&str]); 4] = [
        ("CN=a.example", &["dns:a.example"], &["dns:a.example"]),
        (
            "CN=A.Example,O=acme.sh",
            &["dns:a.example"],
            &["dns:a.example"],
        ),
        ("CN=a.example", &[], &["dns:a.example"]),
        ("CN=10.0.0.1", &["ip:10.0.0.1"], &["ip:10.0.0.1"]),
    ];

    for (subject, sans, ordered) in cases {
        let result = walk(&world, csr(subject, sans), claim(ordered)).await;
        assert!(result.is_ok(), "{subject} {sans:?}: {result:?}");
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

#[test]
fn honours_wishes_inside_the_bounds_and_cuts_at_them() {
    let world = World::at_noon();
    let now = world.clock.now();
    let hours = |count: u64| Duration::from_secs(count * 3600);
    let start = now.minus(Duration::from_secs(60));
    let window = |from, until| world.corridor.granted_window("tls-server", from, until);
    let granted = |not_before: Timestamp, not_after: Timestamp, clamped| {
        Ok(GrantedWindow {
            validity: Validity {
                not_before,
                not_after,
            },
            clamped,
        })
    };

    assert_eq!(
        window(None, None),
        granted(start, start.plus(hours(24)), false)
    );
    assert_eq!(
        window(None, Some(now.plus(hours(1)))),
        granted(start, now.plus(hours(1)), false)
    );
    assert_eq!(
        window(None, Some(now.plus(hours(48)))),
        granted(start, start.plus(hours(24)), true)
    );
    let later = now.plus(hours(2));
    assert_eq!(
        window(Some(later), None),
        granted(later, later.plus(hours(24)), false)
    );
    assert_eq!(
        window(Some(now.minus(hours(9))), None),
        granted(start, start.plus(hours(24)), false)
    );
    for (from, until) in [
        (None, Some(now)),
        (None, Some(now.minus(hours(1)))),
        (Some(now.plus(hours(25))), None),
        (Some(later), Some(later)),
    ] {
        assert_eq!(
            window(from, until).unwrap_err().rule,
            Rule::Lifetime,
            "{from:?} {until:?}"
        );
    }
}

#[tokio::test]
async fn burns_the_serial_when_the_token_is_away() {
    let world = World::at_noon();
    world.key.set(KeyFault::Away);

    let result = walk(
        &world,
        csr("", &["dns:a.example"]),
        claim(&["dns:a.example"]),
    )
    .await;

    assert!(
        matches!(result, Err(IssuanceError::Busy { .. })),
        "{result:?}"
    );
    assert!(matches!(
        only_state(&world).await,
        CertificateState::Burned { .. }
    ));
}

#[tokio::test]
async fn spends_no_serial_while_the_token_is_known_to_be_away() {
    let world = World::at_noon();
    world.key.set(KeyFault::KnownAway);

    let result = walk(
        &world,
        csr("", &["dns:a.example"]),
        claim(&["dns:a.example"]),
    )
    .await;

    assert!(
        matches!(result, Err(IssuanceError::Busy { .. })),
        "{result:?}"
    );
    assert_eq!(world.ledger.serials(), []);
}

#[tokio::test]
async fn hands_out_nothing_whose_signature_does_not_verify() {
    let world = World::at_noon();
    world.key.set(KeyFault::WrongSignature);

    let result = walk(
        &world,
        csr("", &["dns:a.example"]),
        claim(&["dns:a.example"]),
    )
    .await;

    assert!(
        matches!(result, Err(IssuanceError::Busy { .. })),
        "{result:?}"
    );
    assert!(world.key.is_distrusted());
    assert!(matches!(
        only_state(&world).await,
        CertificateState::Burned { .. }
    ));
}

#[tokio::test]
async fn spends_no_serial_while_the_store_is_away() {
    let world = World::at_noon();
    world.ledger.set_away(true);

    let result = walk(
        &world,
        csr("", &["dns:a.example"]),
        claim(&["dns:a.example"]),
    )
    .await;

    assert!(
        matches!(result, Err(IssuanceError::Busy { .. })),
        "{result:?}"
    );
    world.ledger.set_away(false);
    assert!(world.ledger.serials().is_empty());
}

#[tokio::test]
async fn settles_what_a_crash_left_and_nothing_else() {
    let world = World::at_noon();
    let names = ["dns:a.example"];
    let issued = walk(&world, csr("", &names), claim(&names)).await.unwrap();
    let left = world.insert("0a0b0c", CertificateState::Intended);

    let settled = world.corridor.settle(Settle::Everything).await.unwrap();

    assert_eq!(settled, 1);
    let state = |record: Option<crate::ledger::CertificateRecord>| record.unwrap().state;
    let burned = world.ledger.certificate("tls", &left).await.unwrap();
    assert!(matches!(state(burned), CertificateState::Burned { .. }));
    let serial = issued.certificate().serial();
    let valid = world.ledger.certificate("tls", serial).await.unwrap();
    assert_eq!(state(valid), CertificateState::Valid);
}

#[tokio::test]
async fn goes_on_when_the_caller_hangs_up() {
    let world = World::at_noon();
    let names = ["dns:a.example"];

    {
        let mut walk = Box::pin(walk(&world, csr("", &names), claim(&names)));
        let first_poll = futures_util::poll!(walk.as_mut());
        assert!(first_poll.is_pending());
    }
    world.corridor.drain().await;

    assert_eq!(only_state(&world).await, CertificateState::Valid);
}

/// What `record_intent` gets must be what is signed: the store is asked for it after a crash.
#[tokio::test]
async fn records_the_bytes_that_are_signed() {
    let world = World::at_noon();
    let names = ["dns:a.example"];

    let issued = walk(&world, csr("", &names), claim(&names)).await.unwrap();

    let intents: Vec<Intent> = world.ledger.intents();
    assert_eq!(intents.len(), 1);
    assert_eq!(intents[0].tbs_der, issued.certificate().tbs_der());
}
