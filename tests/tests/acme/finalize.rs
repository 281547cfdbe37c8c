//! finalize and CSRs (RFC 8555 §7.4, RFC 2986).

use ca_tests::acme::{AccountKey, Order, base64url};
use ca_tests::csr::{Draft, Request, by_openssl};
use ca_tests::{RawAcme, openssl};
use rcgen::{
    CustomExtension, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384,
    PKCS_ECDSA_P521_SHA512, PKCS_ED25519, SanType,
};
use serde_json::{Value, json};

use crate::CA;

#[tokio::test]
async fn refuses_a_request_for_anything_but_the_orders_names() {
    let client = RawAcme::registered(&CA).await;
    let names = ["one.example.internal", "two.example.internal", "127.0.0.1"];
    let order = ready(&client, &names).await;
    let exact = || Draft::for_names(&names);
    let email = SanType::Rfc822Name("a@example.internal".try_into().unwrap());
    let uri = SanType::URI("spiffe://example.internal/a".try_into().unwrap());
    let with = |name: SanType| {
        let mut draft = exact();
        draft.names.push(name);
        draft
    };

    for (says, draft) in [
        ("no names", Draft::default()),
        ("a name less", Draft::for_names(&names[1..])),
        ("the address left out", Draft::for_names(&names[..2])),
        (
            "a name more",
            Draft::for_names(&[&names[..], &["three.example.internal"]].concat()),
        ),
        (
            "another address",
            Draft::for_names(&[names[0], names[1], "127.0.0.2"]),
        ),
        (
            "a wildcard",
            Draft::for_names(&["*.example.internal", names[1], names[2]]),
        ),
        (
            "a foreign common name",
            exact().common_name("evil.example.internal"),
        ),
        (
            "a common name that is no name",
            exact().common_name("Alice"),
        ),
        (
            "two common names, one foreign",
            exact().common_name(names[0]).common_name("evil.example"),
        ),
        ("an email address", with(email)),
        ("a URI", with(uri)),
    ] {
        let request = draft.sign(&PKCS_ECDSA_P256_SHA256);

        let answer = client.finalize(&order, &request.der).await;

        let got = (answer.status, answer.problem());
        assert_eq!(got, (400, "badCSR".to_owned()), "{says}: {}", answer.text());
    }
    let still = client.refresh(&order).await;
    assert_eq!(still.status(), "ready");
    let right = client
        .finalize(&order, &Request::for_names(&names).der)
        .await;
    assert_eq!(right.expect_status(200).json()["status"], "valid");
}

#[tokio::test]
async fn refuses_what_is_no_request() {
    let client = RawAcme::registered(&CA).await;
    let names = ["garbage.example.internal"];
    let order = ready(&client, &names).await;
    let good = Request::for_names(&names).der;
    let mut tampered = good.clone();
    *tampered.last_mut().unwrap() ^= 1;
    let mut trailing = good.clone();
    trailing.push(0);
    let pem = format!(
        "-----BEGIN CERTIFICATE REQUEST-----\n{}\n",
        base64url(&good)
    );

    for (says, payload) in [
        ("no csr", json!({})),
        ("an empty csr", json!({ "csr": "" })),
        ("null", json!({ "csr": null })),
        ("a number", json!({ "csr": 7 })),
        ("PEM", json!({ "csr": pem })),
        (
            "padding",
            json!({ "csr": format!("{}=", base64url(&good)) }),
        ),
        ("a wrong signature", csr(&tampered)),
        ("more behind it", csr(&trailing)),
        ("less than all", csr(&good[..good.len() - 1])),
        ("garbage", csr(b"not DER")),
    ] {
        let answer = client.post(order.finalize(), &payload).send().await;

        assert_eq!(answer.status, 400, "{says}: {}", answer.text());
        let kind = answer.problem();
        assert!(
            ["badCSR", "malformed"].contains(&kind.as_str()),
            "{says}: {kind}"
        );
    }
    assert_eq!(client.refresh(&order).await.status(), "ready");
}

#[tokio::test]
async fn issues_for_each_kind_of_key_that_the_profile_allows() {
    let client = RawAcme::registered(&CA).await;
    let names = ["keys.example.internal"];
    ready(&client, &names).await;
    let draft = Draft::for_names(&names);
    let rsa = by_openssl("DNS:keys.example.internal", &["-newkey", "rsa:2048"]);

    for der in [
        draft.sign(&PKCS_ECDSA_P256_SHA256).der,
        draft.sign(&PKCS_ECDSA_P384_SHA384).der,
        draft.sign(&PKCS_ED25519).der,
        rsa,
    ] {
        let order = client.order(&names).await;
        let answer = client.finalize(&order, &der).await;

        assert_eq!(answer.status, 200, "{}", answer.text());
        let pem = client.download(&Order::of(&answer)).await;
        openssl::verify_chain(&CA.root_file(), &pem);
    }
}

#[tokio::test]
async fn refuses_weak_keys_and_keys_outside_of_the_profile() {
    let client = RawAcme::registered(&CA).await;
    let names = ["weak.example.internal"];
    let order = ready(&client, &names).await;
    let san = "DNS:weak.example.internal";
    let p521 = Draft::for_names(&names).sign(&PKCS_ECDSA_P521_SHA512).der;

    for (says, der) in [
        (
            "RSA of 1024 bits",
            by_openssl(san, &["-newkey", "rsa:1024"]),
        ),
        (
            "an exponent of 3",
            by_openssl(
                san,
                &["-newkey", "rsa:2048", "-pkeyopt", "rsa_keygen_pubexp:3"],
            ),
        ),
        (
            "a curve that nobody uses",
            by_openssl(
                san,
                &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
            ),
        ),
        ("a curve outside of the profile", p521),
    ] {
        let answer = client.finalize(&order, &der).await;

        assert_eq!(answer.status, 400, "{says}: {}", answer.text());
        let kind = answer.problem();
        assert!(
            ["badCSR", "badPublicKey"].contains(&kind.as_str()),
            "{says}: {kind}"
        );
    }
    assert_eq!(client.refresh(&order).await.status(), "ready");
}

#[tokio::test]
async fn refuses_the_account_key_as_certificate_key() {
    let pair = KeyPair::generate().unwrap();
    let account = AccountKey::from_pkcs8(&pair.serialize_der());
    let mut client = RawAcme::at(&CA, "default", account).await;
    client.register(json!({})).await.expect_status(201);
    let names = ["own.example.internal"];
    let order = ready(&client, &names).await;

    let request = Draft::for_names(&names).sign_with(pair);
    let answer = client.finalize(&order, &request.der).await;

    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(["badCSR", "badPublicKey"].contains(&answer.problem().as_str()));
}

#[tokio::test]
async fn gives_no_powers_that_a_request_asks_for() {
    let client = RawAcme::registered(&CA).await;
    let names = ["powers.example.internal"];
    let order = ready(&client, &names).await;
    let mut draft = Draft::for_names(&names);
    // basicConstraints CA:TRUE, keyUsage keyCertSign, extendedKeyUsage codeSigning.
    draft.extensions = vec![
        CustomExtension::from_oid_content(&[2, 5, 29, 19], vec![0x30, 3, 1, 1, 0xff]),
        CustomExtension::from_oid_content(&[2, 5, 29, 15], vec![3, 2, 2, 4]),
        CustomExtension::from_oid_content(
            &[2, 5, 29, 37],
            vec![0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 3],
        ),
    ];

    let answer = client
        .finalize(&order, &draft.sign(&PKCS_ECDSA_P256_SHA256).der)
        .await;

    if answer.status == 200 {
        let pem = client.download(&Order::of(&answer)).await;
        let text = openssl::certificate_text(&pem);
        for power in ["CA:TRUE", "Certificate Sign", "Code Signing"] {
            assert!(!text.contains(power), "{power}: {text}");
        }
    } else {
        answer.expect_problem(400, "badCSR");
    }
}

#[tokio::test]
async fn takes_names_from_the_common_name_alone() {
    let client = RawAcme::registered(&CA).await;
    let names = ["common.example.internal"];
    let order = ready(&client, &names).await;

    let request = Draft::default().common_name(names[0]);
    let answer = client
        .finalize(&order, &request.sign(&PKCS_ECDSA_P256_SHA256).der)
        .await;

    let pem = client
        .download(&Order::of(&answer.expect_status(200)))
        .await;
    assert!(openssl::certificate_text(&pem).contains("DNS:common.example.internal"));
}

#[tokio::test]
async fn ignores_attributes_of_the_subject_beside_the_common_name() {
    let client = RawAcme::registered(&CA).await;
    let names = ["subject.example.internal"];
    let order = ready(&client, &names).await;
    let mut draft = Draft::for_names(&names).common_name(names[0]);
    draft
        .subject
        .push((DnType::OrganizationName, "acme.sh".to_owned()));

    let answer = client
        .finalize(&order, &draft.sign(&PKCS_ECDSA_P256_SHA256).der)
        .await;

    let pem = client
        .download(&Order::of(&answer.expect_status(200)))
        .await;
    assert!(!openssl::certificate_field(&pem, "subject").contains("acme.sh"));
}

#[tokio::test]
async fn refuses_an_order_that_is_not_ready_or_done() {
    let client = RawAcme::registered(&CA).await;
    let names = ["early.example.internal"];
    let pending = client.order(&names).await;
    let request = Request::for_names(&names);

    let early = client.finalize(&pending, &request.der).await;
    let issued = client.complete(&pending, &names).await;
    let late = client.finalize(&issued.order, &request.der).await;

    early.expect_problem(403, "orderNotReady");
    late.expect_problem(403, "orderNotReady");
}

async fn ready(client: &RawAcme<'_>, names: &[&str]) -> Order {
    let order = client.order(names).await;
    let order = client.prove(&order).await;
    assert_eq!(order.status(), "ready", "{}", order.object);
    order
}

fn csr(der: &[u8]) -> Value {
    json!({ "csr": base64url(der) })
}
