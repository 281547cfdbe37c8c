mod failure;
mod grant;
mod refusal;
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

const NAMES: [&str; 1] = ["dns:a.example"];

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
