//! Accounts (RFC 8555 §7.3).

use ca_tests::RawAcme;
use ca_tests::acme::{AccountKey, KeyKind};
use serde_json::{Value, json};

use crate::CA;

#[tokio::test]
async fn makes_an_account_and_finds_it_again_by_its_key() {
    let mut client = RawAcme::new(&CA).await;
    let contact = json!(["mailto:ops@example.internal"]);

    let created = client.register(json!({ "contact": contact })).await;
    let found = client.register(json!({ "contact": [] })).await;

    let created = created.expect_status(201);
    let found = found.expect_status(200);
    assert_eq!(created.header("location"), found.header("location"));
    assert_eq!(created.json()["status"], "valid");
    assert_eq!(found.json()["contact"], contact);
    assert_eq!(created.json()["orders"], found.json()["orders"]);
}

#[tokio::test]
async fn finds_but_never_makes_an_account_when_only_asked_for() {
    let mut client = RawAcme::new(&CA).await;
    let only = json!({ "onlyReturnExisting": true });

    let before = client.register(only.clone()).await;
    client.register(json!({})).await.expect_status(201);
    let after = client.register(only).await;

    before.expect_problem(400, "accountDoesNotExist");
    assert!(after.expect_status(200).header("location").is_some());
}

#[tokio::test]
async fn replaces_and_removes_contacts() {
    let mut client = RawAcme::new(&CA).await;
    let first = json!(["mailto:a@example.internal"]);
    client.register(json!({ "contact": first })).await;
    let url = client.kid.clone().unwrap();

    let second = json!(["mailto:b@example.internal", "mailto:c@example.internal"]);
    let replaced = client
        .post(&url, &json!({ "contact": second }))
        .send()
        .await;
    let untouched = client.post(&url, &json!({})).send().await;
    let removed = client.post(&url, &json!({ "contact": [] })).send().await;

    assert_eq!(replaced.expect_status(200).json()["contact"], second);
    assert_eq!(untouched.expect_status(200).json()["contact"], second);
    let contact = removed.expect_status(200).json()["contact"].clone();
    assert!(contact.is_null() || contact == json!([]), "{contact}");
}

#[tokio::test]
async fn refuses_contacts_that_nobody_could_write_to() {
    for (contact, kind) in [
        ("tel:+12025551212", "unsupportedContact"),
        ("ops@example.internal", "unsupportedContact"),
        ("mailto:", "invalidContact"),
        ("mailto:nobody", "invalidContact"),
        (
            "mailto:a@example.internal,b@example.internal",
            "invalidContact",
        ),
        ("mailto:a@example.internal?subject=x", "invalidContact"),
        ("mailto:a@example.internal\r\nBcc: x", "invalidContact"),
    ] {
        let mut client = RawAcme::new(&CA).await;

        let answer = client.register(json!({ "contact": [contact] })).await;

        assert_eq!(answer.status, 400, "{contact}: {}", answer.text());
        let got = answer.problem();
        let either = ["unsupportedContact", "invalidContact"];
        assert!(
            either.contains(&got.as_str()),
            "{contact}: {got}, not {kind}"
        );
    }
}

#[tokio::test]
async fn shuts_a_deactivated_account_out_for_good() {
    let mut client = RawAcme::registered(&CA).await;
    let order = client.order(&["closed.example.internal"]).await;
    let url = client.kid.clone().unwrap();
    let closing = json!({ "status": "deactivated" });

    let closed = client.post(&url, &closing).send().await;
    let ordering = client.new_order(&["closed.example.internal"]).await;
    let reading = client.read(&order.url).send().await;
    let again = client.register(json!({})).await;

    assert_eq!(closed.expect_status(200).json()["status"], "deactivated");
    ordering.expect_problem(401, "unauthorized");
    reading.expect_problem(401, "unauthorized");
    again.expect_problem(401, "unauthorized");
}

#[tokio::test]
async fn ignores_every_status_but_deactivated() {
    let client = RawAcme::registered(&CA).await;
    let url = client.kid.clone().unwrap();

    // RFC 8555 §7.3.2: the server MUST ignore it.
    let answer = client
        .post(&url, &json!({ "status": "revoked" }))
        .send()
        .await;

    assert_eq!(answer.expect_status(200).json()["status"], "valid");
}

#[tokio::test]
async fn ignores_what_a_client_may_not_set() {
    let mut client = RawAcme::new(&CA).await;

    let answer = client
        .register(json!({ "status": "revoked", "orders": "https://evil.example/" }))
        .await;

    let answer = answer.expect_status(201);
    assert_eq!(answer.json()["status"], "valid");
    assert!(answer.member("orders").starts_with(&CA.external_url()));
}

#[tokio::test]
async fn asks_for_agreement_only_where_there_are_terms() {
    let key = || AccountKey::generate(KeyKind::Es256);
    let mut client = RawAcme::at(&CA, "terms", key()).await;

    let silent = client.register(json!({})).await;
    let agreed = client
        .register(json!({ "termsOfServiceAgreed": true }))
        .await;

    let silent = silent.expect_problem(403, "userActionRequired");
    assert_eq!(
        silent.links("terms-of-service"),
        ["https://ca.example.internal/terms"]
    );
    assert_eq!(
        silent.member("instance"),
        "https://ca.example.internal/terms"
    );
    assert_eq!(
        agreed.expect_status(201).json()["termsOfServiceAgreed"],
        true
    );
}

#[tokio::test]
async fn shows_an_account_to_its_owner_only() {
    let owner = RawAcme::registered(&CA).await;
    let stranger = RawAcme::registered(&CA).await;
    let url = owner.kid.clone().unwrap();

    let own = owner.read(&url).send().await;
    let foreign = stranger.read(&url).send().await;
    let change = stranger
        .post(&url, &json!({ "status": "deactivated" }))
        .send()
        .await;

    assert_eq!(own.expect_status(200).json()["status"], "valid");
    for answer in [foreign, change] {
        assert!(
            [401, 403, 404].contains(&answer.status),
            "{}",
            answer.text()
        );
        assert_eq!(answer.json()["contact"], Value::Null);
    }
    owner.read(&url).send().await.expect_status(200);
}
