//! Issuing.

use super::*;

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
