//! Profiles (draft-aaron-acme-profiles).

use ca_tests::acme::{AccountKey, Answer, KeyKind, Order, identifiers};
use ca_tests::{RawAcme, openssl};
use serde_json::json;

use crate::CA;

#[tokio::test]
async fn issues_by_the_profile_that_is_asked_for() {
    let client = client().await;
    let names = ["short.example.internal"];

    let order = order(&client, &names, "short").await.expect_status(201);
    let order = Order::of(&order);
    let issued = client.complete(&order, &names).await;

    assert_eq!(order.object["profile"], "short");
    let text = openssl::certificate_text(&issued.chain_pem);
    assert!(
        text.contains("CN=short.example.internal") || text.contains("CN = short.example.internal"),
        "{text}"
    );
    assert!(!text.contains("TLS Web Client Authentication"), "{text}");
    let hour = openssl::run_with(
        &["x509", "-noout", "-checkend", "3700"],
        issued.chain_pem.as_bytes(),
    );
    assert!(!hour.status.success(), "lives longer than an hour: {text}");
}

#[tokio::test]
async fn issues_by_the_default_profile_where_none_is_asked_for() {
    let client = client().await;
    let names = ["default.example.internal"];

    let issued = client.obtain(&names).await;

    assert_eq!(issued.order.object["profile"], "mtls");
    let text = openssl::certificate_text(&issued.chain_pem);
    assert!(text.contains("TLS Web Client Authentication"), "{text}");
}

#[tokio::test]
async fn refuses_profiles_that_the_directory_does_not_offer() {
    let client = client().await;

    for profile in ["nothing", "server-tls", "SHORT", "../short"] {
        let answer = order(&client, &["a.example.internal"], profile).await;

        assert_eq!(
            (answer.status, answer.problem()),
            (400, "invalidProfile".into()),
            "{profile}"
        );
    }
}

#[tokio::test]
async fn refuses_identifiers_that_the_profile_does_not_allow() {
    let client = client().await;

    let answer = order(&client, &["127.0.0.1"], "short").await;

    assert_eq!(answer.problem(), "rejectedIdentifier", "{}", answer.text());
}

async fn client() -> RawAcme<'static> {
    let key = AccountKey::generate(KeyKind::Es256);
    let mut client = RawAcme::at(&CA, "profiles", key).await;
    client.register(json!({})).await.expect_status(201);
    client
}

async fn order(client: &RawAcme<'_>, names: &[&str], profile: &str) -> Answer {
    let payload = json!({ "identifiers": identifiers(names), "profile": profile });
    client.post(&client.url("newOrder"), &payload).send().await
}
