use std::sync::Arc;
use std::time::{Duration, Instant};

use ca_issuance::audit::EventKind;
use ca_issuance::ledger::Ledger;
use ca_keys::{SigningKey, SoftwareKey};
use ca_pki::crl::RevocationReason;
use ca_pki::csr::CsrTemplate;
use ca_pki::{Identifier, KeyAlgorithm};
use serde_json::json;

use super::{Answered, CertificateFilter, CertificateRequest, Freshness, RenewalRequest};
use crate::access::bench::{Bench, Shown, text};
use crate::grant::{Grant, GrantSpec, Origin};
use crate::{Error, Identity, Principal, Role, Rules};

const NAME: &str = "shop.ci.example.internal";
const HOUR: Duration = Duration::from_secs(3_600);

async fn bench() -> Bench {
    let bench = Bench::new().await;
    allow(&bench, json!({ "max_lifetime": "1h" }));
    bench
}

/// Grants protected jobs of the provider `ci` what ends in ci.example.internal.
fn allow(bench: &Bench, more: serde_json::Value) {
    let mut spec = json!({
        "name": "release-jobs",
        "who": { "oidc": "ci", "claims": { "ref_protected": "true" } },
        "profiles": ["tls-server", "client"],
        "identifiers": ["dns:*.ci.example.internal"],
    });
    let members = spec.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    let spec: GrantSpec = serde_json::from_value(spec).unwrap();
    let grant: Grant = spec.compile(Origin::Configured).unwrap();
    replace_grants(bench, vec![Arc::new(grant)]);
}

fn replace_grants(bench: &Bench, grants: Vec<Arc<Grant>>) {
    let before = bench.access.rules.load();
    bench.access.replace_rules(Rules {
        providers: before.providers.clone(),
        operators: before.operators.clone(),
        profiles: before.profiles.clone(),
        grants,
    });
}

async fn job(bench: &Bench, subject: &str) -> Identity {
    let token = bench.ci_token(subject, Duration::from_secs(300));
    bench.bearer(&token).await.unwrap()
}

async fn csr_of(key: &SoftwareKey, name: &str) -> String {
    let template = CsrTemplate {
        subject_der: vec![0x30, 0x00],
        public_key: key.public_key().clone(),
        sans: vec![Identifier::parse("dns", name).unwrap()],
    };
    let to_be_signed = template.to_be_signed();
    let deadline = Instant::now() + Duration::from_secs(5);
    let signature = key.sign(&to_be_signed, deadline).await.unwrap();
    ca_pki::pem::encode(
        "CERTIFICATE REQUEST",
        &template.assemble(&to_be_signed, &signature),
    )
}

async fn csr(name: &str) -> String {
    let key = SoftwareKey::generate(KeyAlgorithm::EcP256).unwrap();
    csr_of(&key, name).await
}

async fn request(name: &str) -> CertificateRequest {
    CertificateRequest {
        unverified_csr: csr(name).await,
        profile: "tls-server".into(),
        lifetime: None,
        idempotency_key: None,
    }
}

async fn issued(bench: &Bench, profile: &str) -> (Identity, Answered) {
    let identity = job(bench, "job-1").await;
    let asked = CertificateRequest {
        profile: profile.into(),
        ..request(NAME).await
    };
    let answered = bench.access.issue(&identity, asked).await.unwrap();
    (identity, answered)
}

#[tokio::test]
async fn issues_what_a_grant_covers_and_remembers_for_whom() {
    let bench = bench().await;

    let (_, answered) = issued(&bench, "tls-server").await;

    let record = bench
        .world
        .ledger
        .certificate("tls", &answered.record.serial);
    let record = record.await.unwrap().unwrap();
    assert_eq!(record.requested_by, "oidc:ci:job-1");
    assert_eq!(record.grant.as_deref(), Some("release-jobs"));
    let provenance = record.provenance.unwrap();
    assert_eq!(provenance["principal"]["claims"]["ref_protected"], "true");
    assert_eq!(answered.freshness, Freshness::Issued);
    assert_eq!(answered.certificate.validity().lifetime(), HOUR);
    assert!(answered.warnings.is_empty());
}

#[tokio::test]
async fn cuts_a_lifetime_to_the_grants_and_says_so() {
    let bench = bench().await;
    let identity = job(&bench, "job-1").await;
    let asked = CertificateRequest {
        lifetime: Some(HOUR * 12),
        ..request(NAME).await
    };

    let answered = bench.access.issue(&identity, asked).await.unwrap();

    assert_eq!(answered.certificate.validity().lifetime(), HOUR);
    assert!(answered.warnings[0].contains("release-jobs"));
}

#[tokio::test]
async fn cuts_a_lifetime_to_the_profiles_and_says_so() {
    let bench = Bench::new().await;
    allow(&bench, json!({}));
    let identity = job(&bench, "job-1").await;
    let asked = CertificateRequest {
        lifetime: Some(HOUR * 1_000),
        ..request(NAME).await
    };

    let answered = bench.access.issue(&identity, asked).await.unwrap();

    assert!(answered.certificate.validity().lifetime() <= HOUR * 24);
    assert!(answered.warnings[0].contains("tls-server"));
}

#[tokio::test]
async fn refuses_what_no_grant_covers_and_writes_it_down() {
    let bench = bench().await;
    let identity = job(&bench, "job-1").await;

    let refused = bench
        .access
        .issue(&identity, request("vault.test").await)
        .await;

    let Err(Error::NotGranted(refusal)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(refusal.for_caller().nearest, Some("release-jobs"));
    let events = bench.store.events();
    let event = events.last().unwrap();
    assert_eq!(event.kind, EventKind::CertificateRefused);
    assert!(event.details.to_string().contains("vault.test"));
    assert!(bench.world.ledger.serials().is_empty());
}

#[tokio::test]
async fn issues_nothing_when_the_refusal_cannot_be_written() {
    let bench = bench().await;
    let identity = job(&bench, "job-1").await;
    bench.store.set_away(true);

    let refused = bench
        .access
        .issue(&identity, request("vault.test").await)
        .await;

    assert!(matches!(refused, Err(Error::Store(_))), "{refused:?}");
}

#[tokio::test]
async fn answers_the_same_request_under_the_same_key_with_the_same_certificate() {
    let bench = bench().await;
    let identity = job(&bench, "job-1").await;
    let asked = CertificateRequest {
        idempotency_key: Some("pipeline-7".into()),
        ..request(NAME).await
    };
    let first = bench.access.issue(&identity, asked.clone()).await.unwrap();

    let second = bench.access.issue(&identity, asked.clone()).await.unwrap();

    assert_eq!(second.freshness, Freshness::Stored);
    assert_eq!(second.certificate.der(), first.certificate.der());
    let other = CertificateRequest {
        lifetime: Some(HOUR / 2),
        ..asked
    };
    let refused = bench.access.issue(&identity, other).await;
    assert!(matches!(refused, Err(Error::IdempotencyMismatch)));
}

#[tokio::test]
async fn keeps_the_keys_of_different_callers_apart() {
    let bench = bench().await;
    let asked = CertificateRequest {
        idempotency_key: Some("pipeline-7".into()),
        ..request(NAME).await
    };
    let [one, two] = [job(&bench, "job-1").await, job(&bench, "job-2").await];

    let first = bench.access.issue(&one, asked.clone()).await.unwrap();
    let second = bench.access.issue(&two, asked).await.unwrap();

    assert_ne!(first.record.serial, second.record.serial);
}

#[tokio::test]
async fn reads_csrs_in_pem_and_in_base64_and_nothing_else() {
    let bench = bench().await;
    let identity = job(&bench, "job-1").await;
    let asked = request(NAME).await;
    let body: Vec<&str> = asked.unverified_csr.lines().collect();
    let base64 = CertificateRequest {
        unverified_csr: body[1..body.len() - 1].join("\r\n"),
        ..asked.clone()
    };
    let noise = CertificateRequest {
        unverified_csr: "no request".into(),
        ..asked
    };

    assert!(bench.access.issue(&identity, base64).await.is_ok());
    let refused = bench.access.issue(&identity, noise).await;
    assert!(matches!(refused, Err(Error::Malformed(_))), "{refused:?}");
}

#[tokio::test]
async fn renews_by_the_certificate_for_whoever_got_it() {
    let bench = bench().await;
    let (_, first) = issued(&bench, "client").await;
    let holder = holder(&bench, &first).await;

    let renewed = bench
        .access
        .renew(&holder, renewal(NAME).await)
        .await
        .unwrap();

    assert_ne!(renewed.record.serial, first.record.serial);
    assert_eq!(renewed.record.identifiers, first.record.identifiers);
    assert_eq!(renewed.record.requester, "oidc:ci:job-1");
    assert!(
        renewed
            .record
            .requested_by
            .contains(" via certificate:tls:")
    );
}

#[tokio::test]
async fn does_not_renew_when_the_grant_is_withdrawn() {
    let bench = bench().await;
    let (_, first) = issued(&bench, "client").await;
    let holder = holder(&bench, &first).await;
    replace_grants(&bench, Vec::new());

    let refused = bench.access.renew(&holder, renewal(NAME).await).await;

    assert!(matches!(refused, Err(Error::NotGranted(_))), "{refused:?}");
}

#[tokio::test]
async fn does_not_renew_for_a_client_that_was_removed() {
    let bench = bench().await;
    let credentials = bench.add_client(None).await;
    allow(
        &bench,
        json!({ "who": { "client": credentials.unverified_id } }),
    );
    let tokens = bench.log_in(&credentials, None).await;
    let client = bench.bearer(text(&tokens.access_token)).await.unwrap();
    let asked = CertificateRequest {
        profile: "client".into(),
        ..request(NAME).await
    };
    let first = bench.access.issue(&client, asked).await.unwrap();
    let holder = holder(&bench, &first).await;
    let renewed = bench.access.renew(&holder, renewal(NAME).await).await;
    let by = client.actor();
    let id = &credentials.unverified_id;
    bench.access.remove_client(id, by).await.unwrap();

    let refused = bench.access.renew(&holder, renewal(NAME).await).await;

    assert!(renewed.is_ok(), "{renewed:?}");
    assert!(matches!(refused, Err(Error::Issuance(_))), "{refused:?}");
    assert!(bench.events().contains(&"certificate.refused"));
}

#[tokio::test]
async fn renews_neither_the_same_key_nor_other_names_nor_by_a_token() {
    let bench = bench().await;
    let identity = job(&bench, "job-1").await;
    let key = SoftwareKey::generate(KeyAlgorithm::EcP256).unwrap();
    let asked = CertificateRequest {
        unverified_csr: csr_of(&key, NAME).await,
        profile: "client".into(),
        lifetime: None,
        idempotency_key: None,
    };
    let first = bench.access.issue(&identity, asked).await.unwrap();
    let holder = holder(&bench, &first).await;
    let same_key = RenewalRequest {
        unverified_csr: csr_of(&key, NAME).await,
        ..renewal(NAME).await
    };

    let same_key = bench.access.renew(&holder, same_key).await;
    let others = renewal("other.ci.example.internal").await;
    let others = bench.access.renew(&holder, others).await;
    let token = bench.access.renew(&identity, renewal(NAME).await).await;

    assert!(matches!(same_key, Err(Error::Malformed(_))), "{same_key:?}");
    assert!(matches!(others, Err(Error::Issuance(_))), "{others:?}");
    assert!(matches!(token, Err(Error::Forbidden(_))), "{token:?}");
}

#[tokio::test]
async fn shows_and_revokes_only_to_those_who_may() {
    let bench = bench().await;
    let (owner, answered) = issued(&bench, "tls-server").await;
    let stranger = job(&bench, "job-2").await;
    let auditor = Identity {
        role: Some(Role::Auditor),
        ..stranger.clone()
    };
    let serial = &answered.record.serial;
    let reason = RevocationReason::Superseded;

    let hidden = bench.access.certificate(&stranger, serial).await;
    let untouched = bench.access.revoke(&stranger, serial, reason).await;
    let seen = bench.access.certificate(&auditor, serial).await;
    let read_only = bench.access.revoke(&auditor, serial, reason).await;
    let revoked = bench.access.revoke(&owner, serial, reason).await;
    let again = bench.access.revoke(&owner, serial, reason).await;

    assert!(matches!(hidden, Err(Error::NotFound)));
    assert!(matches!(untouched, Err(Error::NotFound)));
    assert!(seen.is_ok());
    assert!(matches!(read_only, Err(Error::Forbidden(_))));
    assert_eq!(revoked.unwrap().record.state, again.unwrap().record.state);
}

#[tokio::test]
async fn a_path_that_changed_hands_opens_nothing() {
    let bench = bench().await;
    let (owner, answered) = issued(&bench, "tls-server").await;
    let serial = &answered.record.serial;
    let mut heir = owner.clone();
    let Principal::Oidc { claims, .. } = &mut heir.principal else {
        panic!("{heir:?}");
    };
    claims.insert("project_id".into(), json!("43"));

    let shown = bench.access.certificate(&heir, serial).await;
    let filter = CertificateFilter {
        limit: 10,
        ..CertificateFilter::default()
    };
    let listed = bench.access.certificates(&heir, filter).await.unwrap();
    let revoked = bench
        .access
        .revoke(&heir, serial, RevocationReason::Superseded);

    assert!(matches!(shown, Err(Error::NotFound)));
    assert!(listed.certificates.is_empty());
    assert!(matches!(revoked.await, Err(Error::NotFound)));
}

#[tokio::test]
async fn lists_to_everyone_their_own() {
    let bench = bench().await;
    let (owner, _) = issued(&bench, "tls-server").await;
    let stranger = job(&bench, "job-2").await;
    let operator = Identity {
        role: Some(Role::Operator),
        ..stranger.clone()
    };
    let filter = CertificateFilter {
        limit: 10,
        ..CertificateFilter::default()
    };
    let of_owner = CertificateFilter {
        requested_by: Some("oidc:ci:job-1".into()),
        ..filter.clone()
    };

    let own = bench
        .access
        .certificates(&owner, filter.clone())
        .await
        .unwrap();
    let none = bench
        .access
        .certificates(&stranger, of_owner)
        .await
        .unwrap();
    let all = bench.access.certificates(&operator, filter).await.unwrap();

    let counts = [own, none, all].map(|page| page.certificates.len());
    assert_eq!(counts, [1, 0, 1]);
}

async fn holder(bench: &Bench, answered: &Answered) -> Identity {
    let shown = Shown {
        bearer: None,
        certificate: Some(&answered.certificate),
    };
    bench.authenticate(shown).await.unwrap()
}

async fn renewal(name: &str) -> RenewalRequest {
    RenewalRequest {
        unverified_csr: csr(name).await,
        lifetime: None,
        idempotency_key: None,
    }
}
