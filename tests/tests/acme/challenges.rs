//! How control of names and addresses is proven (RFC 8555 §8, RFC 8737, RFC 8738).

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use ca_tests::RawAcme;
use ca_tests::acme::challenge_of;
use ca_tests::network::{AlpnCertificate, DnsAnswer, HttpAnswer};
use rcgen::SanType;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::CA;

/// A pending authorization and one of its challenges.
struct Pending {
    authorization: String,
    challenge: Value,
}

#[tokio::test]
async fn accepts_each_kind_of_proof_for_a_name() {
    let client = RawAcme::registered(&CA).await;

    for kind in ["http-01", "dns-01", "tls-alpn-01"] {
        let name = format!("{kind}.example.internal");
        let order = client.order(&[&name]).await;

        client
            .prove_authorization(&order.authorizations()[0], kind)
            .await;

        assert_eq!(client.refresh(&order).await.status(), "ready", "{kind}");
    }
}

#[tokio::test]
async fn accepts_each_kind_of_proof_for_an_address() {
    let client = RawAcme::registered(&CA).await;

    for kind in ["http-01", "tls-alpn-01"] {
        // Proofs are reused: each needs an account of its own.
        let client = if kind == "http-01" {
            client.clone()
        } else {
            RawAcme::registered(&CA).await
        };
        let order = client.order(&["127.0.0.1"]).await;

        client
            .prove_authorization(&order.authorizations()[0], kind)
            .await;

        assert_eq!(client.refresh(&order).await.status(), "ready", "{kind}");
    }
}

#[tokio::test]
async fn shows_a_proven_challenge_with_its_moment() {
    let client = RawAcme::registered(&CA).await;
    let order = client.order(&["moment.example.internal"]).await;

    let ended = client
        .answer_challenge(&order.authorizations()[0], "http-01")
        .await;

    let challenge = challenge_of(&ended, "http-01");
    assert_eq!(challenge["status"], "valid");
    assert!(challenge["validated"].as_str().unwrap().ends_with('Z'));
    assert_eq!(challenge["error"], Value::Null);
}

#[tokio::test]
async fn fails_the_order_with_a_wrong_answer_for_good() {
    let client = RawAcme::registered(&CA).await;
    let order = client.order(&["wrong.example.internal"]).await;
    let pending = pending(&client, &order.authorizations()[0], "http-01").await;
    CA.network
        .http
        .answer_challenge(token(&pending), "a secret that nobody may see");

    let ended = answer(&client, &pending).await;

    assert_eq!(ended["status"], "invalid");
    let challenge = challenge_of(&ended, "http-01");
    assert_eq!(challenge["status"], "invalid");
    let kind = challenge["error"]["type"].as_str().unwrap();
    assert!(
        kind.ends_with(":incorrectResponse") || kind.ends_with(":unauthorized"),
        "{kind}"
    );
    assert!(
        !challenge.to_string().contains("nobody may see"),
        "{challenge}"
    );
    assert_eq!(client.refresh(&order).await.status(), "invalid");
    client.publish(&ended, &pending.challenge);
    assert_eq!(answer(&client, &pending).await["status"], "invalid");
}

#[tokio::test]
async fn says_what_kind_of_trouble_kept_it_from_validating() {
    let client = RawAcme::registered(&CA).await;
    let network = &CA.network;
    network
        .dns
        .fail("nxdomain.example.internal", "A", DnsAnswer::NxDomain);
    network
        .dns
        .fail("nxdomain.example.internal", "AAAA", DnsAnswer::NxDomain);
    network
        .dns
        .fail("servfail.example.internal", "A", DnsAnswer::ServFail);
    network
        .dns
        .fail("servfail.example.internal", "AAAA", DnsAnswer::ServFail);
    let nobody_listens = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
    network
        .dns
        .add_address("refused.example.internal", nobody_listens);

    for (name, kind, expected) in [
        ("nxdomain.example.internal", "http-01", "dns"),
        ("servfail.example.internal", "http-01", "dns"),
        ("nxdomain.example.internal", "tls-alpn-01", "dns"),
        ("refused.example.internal", "http-01", "connection"),
        ("refused.example.internal", "tls-alpn-01", "connection"),
        ("no-text.example.internal", "dns-01", "dns"),
        ("no-file.example.internal", "http-01", "incorrectResponse"),
        ("no-certificate.example.internal", "tls-alpn-01", "tls"),
    ] {
        let ended = attempt(&client, name, kind).await;

        let error = challenge_of(&ended, kind)["error"].clone();
        let found = error["type"].as_str().unwrap_or_default();
        let found = found.strip_prefix("urn:ietf:params:acme:error:");
        // A missing answer is unauthorized to Boulder, and so to its clients.
        let also = if expected == "incorrectResponse" {
            "unauthorized"
        } else {
            expected
        };
        assert!(
            found == Some(expected) || found == Some(also),
            "{name} {kind}: {error}"
        );
    }
}

#[tokio::test]
async fn never_dials_addresses_outside_of_the_allowed_networks() {
    let client = RawAcme::registered(&CA).await;

    for (n, address) in [
        "169.254.169.254",
        "8.8.8.8",
        "0.0.0.0",
        "224.0.0.1",
        "::ffff:169.254.169.254",
        "fe80::1",
        "64:ff9b::a9fe:a9fe",
    ]
    .iter()
    .enumerate()
    {
        let name = format!("ssrf{n}.example.internal");
        let address: IpAddr = address.parse().unwrap();
        CA.network.dns.add_address(&name, address);
        if address.is_ipv6() {
            CA.network.dns.fail(&name, "A", DnsAnswer::NxDomain);
        }

        let ended = attempt(&client, &name, "http-01").await;

        assert_eq!(ended["status"], "invalid", "{address}");
    }
}

#[tokio::test]
async fn follows_redirects_to_the_challenge_but_not_to_other_ports() {
    let client = RawAcme::registered(&CA).await;
    let port = CA.network.http.address().port();

    for (n, (target, status)) in [
        (
            format!("http://target.example.internal:{port}/answer"),
            "valid",
        ),
        ("/answer".to_owned(), "valid"),
        (
            "http://target.example.internal:22/answer".to_owned(),
            "invalid",
        ),
        ("ftp://target.example.internal/answer".to_owned(), "invalid"),
        ("file:///etc/passwd".to_owned(), "invalid"),
        (format!("http://169.254.169.254:{port}/answer"), "invalid"),
        (
            "https://[::ffff:169.254.169.254]/answer".to_owned(),
            "invalid",
        ),
    ]
    .iter()
    .enumerate()
    {
        let name = format!("redirect{n}.example.internal");
        let order = client.order(&[&name]).await;
        let pending = pending(&client, &order.authorizations()[0], "http-01").await;
        let http = &CA.network.http;
        let own = format!("/answer-{}", token(&pending));
        let target = target.replace("/answer", &own);
        http.set(
            &own,
            HttpAnswer::Body(client.key_authorization(token(&pending))),
        );
        let location = vec![format!("Location: {target}")];
        http.set(
            &path(&pending),
            HttpAnswer::Whole(302, location, String::new()),
        );

        let ended = answer(&client, &pending).await;

        assert_eq!(ended["status"], *status, "{target}: {ended}");
    }
}

#[tokio::test]
async fn ends_in_a_redirect_loop() {
    let client = RawAcme::registered(&CA).await;
    let order = client.order(&["loop.example.internal"]).await;
    let pending = pending(&client, &order.authorizations()[0], "http-01").await;
    let back = vec![format!("Location: {}", path(&pending))];
    CA.network
        .http
        .set(&path(&pending), HttpAnswer::Whole(301, back, String::new()));

    let ended = answer(&client, &pending).await;

    assert_eq!(ended["status"], "invalid");
    assert!(CA.network.http.times_requested(&path(&pending)) <= 11);
}

#[tokio::test]
async fn reads_no_answer_without_an_end() {
    let client = RawAcme::registered(&CA).await;
    let order = client.order(&["endless.example.internal"]).await;
    let pending = pending(&client, &order.authorizations()[0], "http-01").await;
    let body = "x".repeat(8 << 20);
    CA.network.http.set(&path(&pending), HttpAnswer::Body(body));

    let ended = answer(&client, &pending).await;

    assert_eq!(ended["status"], "invalid");
}

#[tokio::test]
async fn gives_up_on_a_server_that_says_nothing() {
    let client = RawAcme::registered(&CA).await;
    let order = client.order(&["silent.example.internal"]).await;
    let pending = pending(&client, &order.authorizations()[0], "http-01").await;
    let begin = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx".to_vec();
    CA.network
        .http
        .set(&path(&pending), HttpAnswer::Stall(begin));

    let ended = answer(&client, &pending).await;

    let error = challenge_of(&ended, "http-01")["error"].clone();
    assert!(
        error["type"].as_str().unwrap().ends_with(":connection"),
        "{error}"
    );
}

#[tokio::test]
async fn answers_at_once_and_validates_on_where_proof_takes_long() {
    let client = RawAcme::registered(&CA).await;
    let order = client.order(&["slow.example.internal"]).await;
    let url = order.authorizations()[0].clone();
    let pending = pending(&client, &url, "http-01").await;
    let go = Arc::new(Notify::new());
    let proof = client.key_authorization(token(&pending));
    CA.network
        .http
        .set(&path(&pending), HttpAnswer::After(Arc::clone(&go), proof));

    let challenge = pending.challenge["url"].as_str().unwrap();
    let answered = client
        .post(challenge, &json!({}))
        .send()
        .await
        .expect_status(200);
    let waiting = client.read(&url).send().await.expect_status(200);
    go.notify_one();
    let ended = client.wait_while(&url, "pending").await;

    assert_eq!(answered.json()["status"], "processing");
    for answer in [&answered, &waiting] {
        let retry: u32 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=3).contains(&retry), "{retry}");
    }
    assert_eq!(waiting.json()["status"], "pending");
    assert_eq!(ended["status"], "valid");
}

#[tokio::test]
async fn finds_the_answer_among_several_texts_and_behind_an_alias() {
    let client = RawAcme::registered(&CA).await;
    let dns = &CA.network.dns;
    dns.add_text("_acme-challenge.several.example.internal", "something else");
    dns.add_alias(
        "_acme-challenge.delegated.example.internal",
        "_acme-challenge.target.example.internal",
    );

    for (name, target) in [
        ("several.example.internal", "several.example.internal"),
        ("delegated.example.internal", "target.example.internal"),
    ] {
        let order = client.order(&[name]).await;
        let url = order.authorizations()[0].clone();
        let pending = pending(&client, &url, "dns-01").await;
        let elsewhere = json!({ "identifier": { "type": "dns", "value": target } });
        client.publish(&elsewhere, &pending.challenge);

        let ended = answer(&client, &pending).await;

        assert_eq!(ended["status"], "valid", "{name}: {ended}");
    }
}

#[tokio::test]
async fn refuses_each_way_to_get_a_tls_alpn_certificate_wrong() {
    let client = RawAcme::registered(&CA).await;
    let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());

    for (n, says) in [
        "another token",
        "no extension",
        "another name",
        "two names",
        "an address",
    ]
    .iter()
    .enumerate()
    {
        let name = format!("alpn{n}.example.internal");
        let order = client.order(&[&name]).await;
        let pending = pending(&client, &order.authorizations()[0], "tls-alpn-01").await;
        let right = client.key_authorization(token(&pending));
        let mut shown = AlpnCertificate::for_name(&name, &right);
        match *says {
            "another token" => shown.key_authorization = Some("x.y".to_owned()),
            "no extension" => shown.key_authorization = None,
            "another name" => shown.names = vec![dns("evil.example.internal")],
            "two names" => shown.names.push(dns("evil.example.internal")),
            "an address" => shown.names = vec![SanType::IpAddress("127.0.0.1".parse().unwrap())],
            other => unreachable!("{other}"),
        }
        CA.network.tls_alpn.show(&shown);

        let ended = answer(&client, &pending).await;

        assert_eq!(ended["status"], "invalid", "{says}: {ended}");
    }
}

#[tokio::test]
async fn validates_again_nothing_that_ended() {
    let client = RawAcme::registered(&CA).await;
    let order = client.order(&["ended.example.internal"]).await;
    let url = order.authorizations()[0].clone();
    let pending = pending(&client, &url, "http-01").await;
    client.prove_authorization(&url, "http-01").await;

    let again = answer(&client, &pending).await;

    assert_eq!(again["status"], "valid");
    assert_eq!(CA.network.http.times_requested(&path(&pending)), 1);
}

#[tokio::test]
async fn reads_a_challenge_without_starting_it() {
    let client = RawAcme::registered(&CA).await;
    let order = client.order(&["only-read.example.internal"]).await;
    let pending = pending(&client, &order.authorizations()[0], "http-01").await;

    let challenge = pending.challenge["url"].as_str().unwrap();
    let read = client.read(challenge).send().await.expect_status(200);

    assert_eq!(read.json()["status"], "pending");
    assert_eq!(CA.network.http.times_requested(&path(&pending)), 0);
}

#[tokio::test]
async fn refuses_a_challenge_answer_that_is_no_object() {
    let client = RawAcme::registered(&CA).await;
    let order = client.order(&["no-object.example.internal"]).await;
    let pending = pending(&client, &order.authorizations()[0], "http-01").await;
    let challenge = pending.challenge["url"].as_str().unwrap();

    for payload in ["[]", "null", "7", "nonsense"] {
        let answer = client.read(challenge).payload(payload).send().await;

        assert_eq!(answer.status, 400, "{payload}: {}", answer.text());
    }
    assert_eq!(CA.network.http.times_requested(&path(&pending)), 0);
}

/// Orders a name, publishes nothing, answers, and returns how the authorization ended.
async fn attempt(client: &RawAcme<'_>, name: &str, kind: &str) -> Value {
    let order = client.order(&[name]).await;
    let pending = pending(client, &order.authorizations()[0], kind).await;
    answer(client, &pending).await
}

async fn pending(client: &RawAcme<'_>, authorization: &str, kind: &str) -> Pending {
    let object = client
        .read(authorization)
        .send()
        .await
        .expect_status(200)
        .json();
    Pending {
        authorization: authorization.to_owned(),
        challenge: challenge_of(&object, kind),
    }
}

async fn answer(client: &RawAcme<'_>, pending: &Pending) -> Value {
    let url = pending.challenge["url"].as_str().unwrap();
    client.post(url, &json!({})).send().await.expect_status(200);
    client.wait_while(&pending.authorization, "pending").await
}

fn token(pending: &Pending) -> &str {
    pending.challenge["token"].as_str().unwrap()
}

fn path(pending: &Pending) -> String {
    format!("/.well-known/acme-challenge/{}", token(pending))
}
