mod issue;
mod renew;

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
