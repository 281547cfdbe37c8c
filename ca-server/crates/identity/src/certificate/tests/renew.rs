//! Renewing.

use super::*;

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

async fn renewal(name: &str) -> RenewalRequest {
    RenewalRequest {
        unverified_csr: csr(name).await,
        lifetime: None,
        idempotency_key: None,
    }
}
