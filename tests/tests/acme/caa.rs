//! What CAA records permit (RFC 8659, RFC 8657). This CA is `ca.test`.

use ca_tests::RawAcme;
use ca_tests::acme::{AccountKey, KeyKind};
use ca_tests::network::DnsAnswer;
use serde_json::{Value, json};

use crate::CA;

#[tokio::test]
async fn obeys_each_kind_of_record() {
    let client = RawAcme::registered(&CA).await;
    let account = client.kid.clone().unwrap();
    let own = format!("ca.test; accounturi={account}");
    let foreign = "ca.test; accounturi=https://elsewhere.example/account/1";

    for (n, (records, permitted)) in [
        (&[("issue", "ca.test")][..], true),
        (&[("issue", "CA.Test; policy=x")], true),
        (&[("issue", "other.test")], false),
        (&[("issue", ";")], false),
        (&[("issue", "other.test"), ("issue", "ca.test")], true),
        (&[("iodef", "mailto:a@example.internal")], true),
        (&[("issuewild", ";")], true),
        (&[("issue", "ca.test; validationmethods=http-01")], true),
        (&[("issue", "ca.test; validationmethods=dns-01")], false),
        (&[("issue", &own)], true),
        (&[("issue", foreign)], false),
        (&[("issue", "%%%")], false),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("caa{n}.example.internal");
        for (tag, value) in records {
            CA.network.dns.add_caa(&name, 0, tag, value);
        }

        let ended = attempt(&client, &name, "http-01").await;

        expect(&ended, permitted, &format!("{records:?}"));
    }
}

#[tokio::test]
async fn climbs_to_the_parents_records() {
    let client = RawAcme::registered(&CA).await;
    CA.network
        .dns
        .add_caa("parent.example.internal", 0, "issue", "other.test");
    CA.network
        .dns
        .add_caa("own.parent.example.internal", 0, "issue", "ca.test");

    let child = attempt(&client, "a.b.parent.example.internal", "http-01").await;
    let own = attempt(&client, "own.parent.example.internal", "http-01").await;

    expect(&child, false, "a parent's record");
    expect(&own, true, "a record of its own");
}

#[tokio::test]
async fn obeys_issuewild_before_issue_for_wildcards() {
    let client = RawAcme::registered(&CA).await;
    for (name, tag, value) in [
        ("wild1.example.internal", "issue", "ca.test"),
        ("wild1.example.internal", "issuewild", ";"),
        ("wild2.example.internal", "issue", "other.test"),
        ("wild2.example.internal", "issuewild", "ca.test"),
    ] {
        CA.network.dns.add_caa(name, 0, tag, value);
    }

    let forbidden = attempt(&client, "*.wild1.example.internal", "dns-01").await;
    let permitted = attempt(&client, "*.wild2.example.internal", "dns-01").await;

    expect(&forbidden, false, "issuewild forbids");
    expect(&permitted, true, "issuewild permits");
}

#[tokio::test]
async fn refuses_where_a_critical_property_is_unknown() {
    let client = RawAcme::registered(&CA).await;
    CA.network
        .dns
        .add_caa("critical.example.internal", 128, "future", "x");
    CA.network
        .dns
        .add_caa("optional.example.internal", 0, "future", "x");

    let critical = attempt(&client, "critical.example.internal", "http-01").await;
    let optional = attempt(&client, "optional.example.internal", "http-01").await;

    expect(&critical, false, "a critical property");
    expect(&optional, true, "another property");
}

#[tokio::test]
async fn refuses_where_records_cannot_be_looked_up() {
    let client = RawAcme::registered(&CA).await;
    let name = "caa-servfail.example.internal";
    CA.network.dns.fail(name, "CAA", DnsAnswer::ServFail);

    let ended = attempt(&client, name, "http-01").await;

    assert_eq!(ended["status"], "invalid", "{ended}");
    let error = &ca_tests::acme::challenge_of(&ended, "http-01")["error"];
    let kind = error["type"].as_str().unwrap();
    assert!(kind.ends_with(":caa") || kind.ends_with(":dns"), "{kind}");
}

#[tokio::test]
async fn looks_for_the_accounts_own_url_whatever_its_directory() {
    let key = AccountKey::generate(KeyKind::Es256);
    let mut client = RawAcme::at(&CA, "profiles", key).await;
    client.register(json!({})).await.expect_status(201);
    let record = format!("ca.test; accounturi={}", client.kid.as_deref().unwrap());
    CA.network
        .dns
        .add_caa("uri.example.internal", 0, "issue", &record);
    let other = RawAcme::registered(&CA).await;

    let own = attempt(&client, "uri.example.internal", "http-01").await;
    let foreign = attempt(&other, "uri.example.internal", "http-01").await;

    expect(&own, true, "its own account");
    expect(&foreign, false, "another account");
}

async fn attempt(client: &RawAcme<'_>, name: &str, kind: &str) -> Value {
    let order = client.order(&[name]).await;
    client
        .answer_challenge(&order.authorizations()[0], kind)
        .await
}

fn expect(ended: &Value, permitted: bool, says: &str) {
    let status = if permitted { "valid" } else { "invalid" };
    assert_eq!(ended["status"], status, "{says}: {ended}");
    if !permitted {
        let text = ended.to_string();
        assert!(
            text.contains("urn:ietf:params:acme:error:caa"),
            "{says}: {text}"
        );
    }
}
