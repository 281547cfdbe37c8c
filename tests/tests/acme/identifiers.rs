//! Which identifiers may be ordered (RFC 8555 §7.1.4, RFC 8738, RFC 5280 §4.2.1.6).

use ca_tests::RawAcme;
use ca_tests::acme::{AccountKey, Answer, KeyKind};
use serde_json::{Value, json};

use crate::CA;

#[tokio::test]
async fn refuses_what_is_no_name() {
    let client = RawAcme::registered(&CA).await;

    for name in [
        "",
        ".",
        "..example.internal",
        "a..example.internal",
        ".a.example.internal",
        "-a.example.internal",
        "a-.example.internal",
        "a_b.example.internal",
        "a b.example.internal",
        "a@example.internal",
        "a/b.example.internal",
        "a:80.example.internal",
        "https://a.example.internal",
        "ä.example.internal",
        "a\0.example.internal",
        "a\n.example.internal",
        "*",
        "*.",
        "**.example.internal",
        "*.*.example.internal",
        "a.*.example.internal",
        "a*.example.internal",
        "127.0.0.1",
        "::1",
        "[::1]",
        "2130706433",
        "0x7f.1",
        &format!("{}.example.internal", "a".repeat(64)),
        &format!("{}internal", "aaaaaaa.".repeat(32)),
    ] {
        let answer = order(&client, "dns", name).await;

        assert_eq!(answer.status, 400, "{name:?}: {}", answer.text());
        let kind = answer.problem();
        assert!(
            ["malformed", "rejectedIdentifier"].contains(&kind.as_str()),
            "{name:?}: {kind}"
        );
    }
}

#[tokio::test]
async fn refuses_what_is_no_address() {
    let client = RawAcme::registered(&CA).await;

    for address in [
        "",
        "127.0.0.1/8",
        "127.0.0.1:80",
        "127.1",
        "127.0.0.01",
        "0x7f.0.0.1",
        "127.0.0.256",
        "[::1]",
        "fe80::1%eth0",
        "*.127.0.0.1",
        "a.example.internal",
    ] {
        let answer = order(&client, "ip", address).await;

        assert_eq!(answer.status, 400, "{address:?}: {}", answer.text());
    }
}

#[tokio::test]
async fn refuses_kinds_that_it_does_not_issue_for() {
    let client = RawAcme::registered(&CA).await;

    for (kind, value) in [
        ("email", "a@example.internal"),
        ("TNAuthList", "F83n2a"),
        ("permanent-identifier", "1234"),
        ("DNS", "a.example.internal"),
    ] {
        let answer = order(&client, kind, value).await;

        answer.expect_problem(400, "unsupportedIdentifier");
    }
}

#[tokio::test]
async fn writes_names_in_lower_case_and_merges_repeated_ones() {
    let client = RawAcme::registered(&CA).await;

    let order = client
        .order(&["Twice.Example.Internal", "twice.example.internal"])
        .await;

    assert_eq!(
        order.object["identifiers"],
        json!([{ "type": "dns", "value": "twice.example.internal" }])
    );
    assert_eq!(order.authorizations().len(), 1);
}

#[tokio::test]
async fn refuses_more_names_than_a_certificate_should_hold() {
    let client = RawAcme::registered(&CA).await;
    let names: Vec<String> = (0..101).map(|n| format!("n{n}.example.internal")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();

    let most = client.new_order(&names[..100]).await;
    let too_many = client.new_order(&names).await;

    most.expect_status(201);
    too_many.expect_problem(400, "malformed");
}

#[tokio::test]
async fn lists_every_name_outside_of_the_directorys_scope() {
    let mut client = RawAcme::at(&CA, "narrow", AccountKey::generate(KeyKind::Es256)).await;
    client.register(json!({})).await.expect_status(201);

    let answer = client
        .new_order(&[
            "good.narrow.example.internal",
            "secret.narrow.example.internal",
            "a.b.narrow.example.internal",
            "elsewhere.example.internal",
            "*.narrow.example.internal",
        ])
        .await;

    let problem = answer.expect_problem(400, "rejectedIdentifier").json();
    let mut refused: Vec<&str> = problem["subproblems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["identifier"]["value"].as_str().unwrap())
        .collect();
    refused.sort_unstable();
    assert_eq!(
        refused,
        [
            "*.narrow.example.internal",
            "a.b.narrow.example.internal",
            "elsewhere.example.internal",
            "secret.narrow.example.internal",
        ]
    );
    client
        .new_order(&["good.narrow.example.internal"])
        .await
        .expect_status(201);
}

#[tokio::test]
async fn refuses_addresses_outside_of_the_directorys_scope() {
    let client = RawAcme::registered(&CA).await;

    for address in ["8.8.8.8", "169.254.169.254", "2001:db8::1", "0.0.0.0"] {
        let answer = order(&client, "ip", address).await;

        assert_eq!(answer.problem(), "rejectedIdentifier", "{address}");
    }
}

#[tokio::test]
async fn writes_addresses_in_their_one_form_or_refuses_them() {
    let client = RawAcme::registered(&CA).await;

    let canonical = order(&client, "ip", "fd00::a").await.expect_status(201);
    let other = order(&client, "ip", "FD00:0:0:0:0:0:0:A").await;

    assert_eq!(canonical.json()["identifiers"][0]["value"], "fd00::a");
    if other.status == 201 {
        assert_eq!(other.json()["identifiers"], canonical.json()["identifiers"]);
    } else {
        other.expect_problem(400, "malformed");
    }
}

async fn order(client: &RawAcme<'_>, kind: &str, value: &str) -> Answer {
    let payload: Value = json!({ "identifiers": [{ "type": kind, "value": value }] });
    client.post(&client.url("newOrder"), &payload).send().await
}
