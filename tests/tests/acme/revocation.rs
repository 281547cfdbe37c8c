//! revokeCert (RFC 8555 §7.6).

use ca_tests::acme::{AccountKey, Issued, base64url, revocation};
use ca_tests::{RawAcme, openssl};
use serde_json::json;

use crate::CA;

#[tokio::test]
async fn revokes_for_the_account_that_got_the_certificate() {
    let client = RawAcme::registered(&CA).await;
    let issued = client.obtain(&["by-account.example.internal"]).await;

    let answer = client.revoke(&issued.leaf_der(), None).await;
    let again = client.revoke(&issued.leaf_der(), None).await;

    assert!(answer.expect_status(200).body.is_empty());
    again.expect_problem(400, "alreadyRevoked");
}

#[tokio::test]
async fn revokes_for_whoever_holds_the_certificates_key() {
    let client = RawAcme::registered(&CA).await;
    let issued = client.obtain(&["by-key.example.internal"]).await;
    let holder = client.with_key(certificate_key(&issued));

    let answer = holder.revoke(&issued.leaf_der(), Some(1)).await;

    answer.expect_status(200);
}

#[tokio::test]
async fn revokes_for_an_account_that_holds_proofs_for_every_name() {
    let client = RawAcme::registered(&CA).await;
    let names = ["by-proof.example.internal", "by-proof2.example.internal"];
    let issued = client.obtain(&names).await;
    let other = RawAcme::registered(&CA).await;
    let order = other.order(&names[..1]).await;
    other.prove(&order).await;

    let half = other.revoke(&issued.leaf_der(), None).await;
    let order = other.order(&names).await;
    other.prove(&order).await;
    let whole = other.revoke(&issued.leaf_der(), None).await;

    half.expect_problem(403, "unauthorized");
    whole.expect_status(200);
}

#[tokio::test]
async fn refuses_strangers() {
    let client = RawAcme::registered(&CA).await;
    let issued = client.obtain(&["not-yours.example.internal"]).await;
    let stranger = RawAcme::registered(&CA).await;
    let unregistered = RawAcme::new(&CA).await;

    let by_account = stranger.revoke(&issued.leaf_der(), None).await;
    let by_key = unregistered.revoke(&issued.leaf_der(), None).await;

    by_account.expect_problem(403, "unauthorized");
    by_key.expect_problem(403, "unauthorized");
}

#[tokio::test]
async fn takes_reasons_that_fit_a_leaf_and_no_others() {
    let client = RawAcme::registered(&CA).await;
    let names = ["reasons.example.internal"];
    let issued = client.obtain(&names).await;

    for reason in [2, 6, 7, 8, 10, 11, 255] {
        let answer = client.revoke(&issued.leaf_der(), Some(reason)).await;

        answer.expect_problem(400, "badRevocationReason");
    }
    for reason in [0, 1, 3, 4, 5, 9] {
        let issued = client.obtain(&names).await;

        client
            .revoke(&issued.leaf_der(), Some(reason))
            .await
            .expect_status(200);
    }
}

#[tokio::test]
async fn refuses_what_is_no_certificate_of_its_own() {
    let client = RawAcme::registered(&CA).await;
    let foreign = rcgen::generate_simple_self_signed(["a.example.internal".to_owned()]).unwrap();
    let issuer = openssl::run_with(
        &["x509", "-outform", "DER"],
        &std::fs::read(CA.issuer_file()).unwrap(),
    );
    let issued = client.obtain(&["tampered.example.internal"]).await;
    let mut tampered = issued.leaf_der();
    *tampered.last_mut().unwrap() ^= 1;

    for (says, payload) in [
        ("nothing", json!({})),
        ("garbage", json!({ "certificate": base64url(b"garbage") })),
        ("PEM", json!({ "certificate": issued.chain_pem })),
        (
            "padding",
            json!({ "certificate": format!("{}=", base64url(&issued.leaf_der())) }),
        ),
        (
            "a foreign certificate",
            revocation(foreign.cert.der(), None),
        ),
        ("the issuer", revocation(&issuer.stdout, None)),
        ("a tampered leaf", revocation(&tampered, None)),
        (
            "a reason that is no number",
            json!({
                "certificate": base64url(&issued.leaf_der()), "reason": "keyCompromise",
            }),
        ),
    ] {
        let answer = client
            .post(&client.url("revokeCert"), &payload)
            .send()
            .await;

        assert!(
            (400..=404).contains(&answer.status),
            "{says}: {}",
            answer.text()
        );
        answer.problem();
    }
    client
        .revoke(&issued.leaf_der(), None)
        .await
        .expect_status(200);
}

#[tokio::test]
async fn keeps_the_revoked_certificate_readable() {
    let client = RawAcme::registered(&CA).await;
    let issued = client.obtain(&["still-there.example.internal"]).await;

    client
        .revoke(&issued.leaf_der(), None)
        .await
        .expect_status(200);

    assert_eq!(client.download(&issued.order).await, issued.chain_pem);
}

fn certificate_key(issued: &Issued) -> AccountKey {
    AccountKey::from_pkcs8(&issued.request.key.serialize_der())
}
