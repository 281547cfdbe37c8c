//! What real clients demand, a row each: numbers are those of the project's interoperability notes.

use std::net::Ipv4Addr;

use ca_tests::RawAcme;
use ca_tests::acme::{AccountKey, Answer, KeyKind, Order, challenge_of, identifiers};
use ca_tests::csr::{Draft, Request};
use ca_tests::openssl;
use rcgen::{DnType, PKCS_ECDSA_P256_SHA256};
use serde_json::{Value, json};

use crate::CA;

#[tokio::test]
async fn row_1_says_where_accounts_and_orders_are_in_every_answer() {
    let mut client = RawAcme::new(&CA).await;
    let created = client.register(json!({})).await.expect_status(201);
    let found = client.register(json!({})).await.expect_status(200);
    let names = ["row1.example.internal"];
    let placed = client.new_order(&names).await;
    let order = Order::of(&placed);
    let ready = client.prove(&order).await;
    let read = client.read(&order.url).send().await;

    let finalized = client
        .finalize(&ready, &Request::for_names(&names).der)
        .await;

    assert_eq!(created.header("location"), found.header("location"));
    for answer in [&placed, &read, &finalized] {
        assert_eq!(answer.header("location"), Some(&*order.url));
    }
}

#[tokio::test]
async fn row_2_links_challenges_up_and_everything_to_the_directory() {
    let client = RawAcme::registered(&CA).await;
    let order = client.order(&["row2.example.internal"]).await;
    let authorization = order.authorizations()[0].clone();
    let object = client.read(&authorization).send().await.json();
    let url = challenge_of(&object, "http-01")["url"]
        .as_str()
        .unwrap()
        .to_owned();
    let index = CA.directory_url("default");

    let challenge = client.read(&url).send().await;
    let directory = client.get(&index).await;
    let others = [
        client.read(&order.url).send().await,
        client.get(&client.url("newNonce")).await,
        client.new_order(&[]).await,
        client.read(&format!("{}0", order.url)).send().await,
    ];

    // Clients parse the header by hand: no spaces, quotes around the relation.
    let exact = format!("<{authorization}>;rel=\"up\"");
    let links: Vec<_> = challenge.headers.get_all("link").iter().collect();
    assert!(
        links.iter().any(|link| *link == exact.as_str()),
        "{links:?}"
    );
    assert!(directory.links("index").is_empty());
    for answer in others {
        assert_eq!(answer.links("index"), [&*index], "{}", answer.text());
    }
}

#[tokio::test]
async fn row_3_gives_a_nonce_with_every_answer_to_a_post() {
    let client = RawAcme::registered(&CA).await;
    let url = client.url("newOrder");
    let missing = format!("{}/acme/default/nothing", CA.external_url());
    let post = || client.post(&url, &json!({}));

    for (says, answer) in [
        ("a refused payload", post().send().await),
        (
            "a bad nonce",
            post().protected("nonce", "AAAA").send().await,
        ),
        ("a wrong media type", post().content_type(None).send().await),
        (
            "an oversized body",
            post().body(vec![b' '; 1 << 20]).send().await,
        ),
        ("no JWS", post().body("x").send().await),
        ("no such resource", client.read(&missing).send().await),
    ] {
        let nonce = answer.header("replay-nonce");
        assert!(answer.status >= 400, "{says}");
        assert!(nonce.is_some_and(|nonce| !nonce.is_empty()), "{says}");
    }
    let refused = post().protected("nonce", "AAAA").send().await;
    refused.expect_problem(400, "badNonce");
}

#[tokio::test]
async fn row_4_gives_nonces_by_head_and_get() {
    let client = RawAcme::new(&CA).await;
    let url = client.url("newNonce");

    let head = client.http().head(&url).send().await.unwrap();
    let get = client.http().get(&url).send().await.unwrap();

    for (answer, status) in [(&head, 200), (&get, 204)] {
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert!(answer.headers().contains_key("replay-nonce"));
    }
}

#[tokio::test]
async fn row_5_answers_with_the_exact_status_that_clients_compare() {
    let client = RawAcme::registered(&CA).await;
    let names = ["row5.example.internal"];
    let placed = client.new_order(&names).await;
    let order = Order::of(&placed);
    let authorization = order.authorizations()[0].clone();
    let issued = client.complete(&order, &names).await;
    let certificate = issued.order.object["certificate"].as_str().unwrap();
    let new_key = AccountKey::generate(KeyKind::Es256);
    let url = client.url("keyChange");
    let header = json!({ "alg": "ES256", "jwk": new_key.jwk(), "url": url });
    let payload = json!({ "account": client.kid, "oldKey": client.key.jwk() });
    let inner = new_key.jws(&header, payload.to_string().as_bytes());
    let closing = json!({ "status": "deactivated" });

    assert_eq!(placed.status, 201);
    for (says, answer) in [
        ("order", client.read(&order.url).send().await),
        ("authorization", client.read(&authorization).send().await),
        ("certificate", client.read(certificate).send().await),
        ("revoke", client.revoke(&issued.leaf_der(), None).await),
        (
            "authorization deactivated",
            client.post(&authorization, &closing).send().await,
        ),
        ("keyChange", client.post(&url, &inner).send().await),
    ] {
        assert_eq!(answer.status, 200, "{says}: {}", answer.text());
    }
    let mut client = client.with_key(new_key);
    client.register(json!({})).await.expect_status(200);
    let account = client.kid.clone().unwrap();
    client
        .post(&account, &closing)
        .send()
        .await
        .expect_status(200);
}

#[tokio::test]
async fn row_6_serves_media_types_without_a_charset_and_never_406() {
    let client = RawAcme::registered(&CA).await;
    let issued = client.obtain(&["row6.example.internal"]).await;
    let certificate = issued.order.object["certificate"].as_str().unwrap();
    let json = Some("application/json");
    let pem = Some("application/pem-certificate-chain");
    let directory = CA.directory_url("default");

    let chain = client
        .read(certificate)
        .header("accept", "text/html")
        .send()
        .await;
    let order = client
        .read(&issued.order.url)
        .header("accept", "x/y")
        .send()
        .await;
    let typed = client
        .http()
        .get(&directory)
        .header("content-type", "application/jose+json")
        .header("accept", "image/png");
    let typed = Answer::from(typed.send().await.unwrap()).await;

    assert_eq!((chain.status, chain.header("content-type")), (200, pem));
    assert_eq!((order.status, order.header("content-type")), (200, json));
    assert_eq!((typed.status, typed.header("content-type")), (200, json));
    assert!(chain.text().ends_with('\n'));
    assert!(chain.text().matches("BEGIN CERTIFICATE").count() >= 2);
}

#[tokio::test]
async fn row_7_says_when_to_ask_again_in_seconds() {
    let client = RawAcme::registered(&CA).await;
    let issued = client.obtain(&["row7.example.internal"]).await;
    let id = crate::renewal::certificate_id(&issued.chain_pem);

    let answer = client
        .get(&format!("{}/{id}", client.url("renewalInfo")))
        .await;

    let retry_after = answer.header("retry-after").unwrap();
    assert!(retry_after.parse::<u32>().is_ok(), "{retry_after}");
}

#[tokio::test]
async fn row_8_takes_zero_values_and_whole_objects() {
    let mut client = RawAcme::new(&CA).await;
    let only = json!({ "onlyReturnExisting": true, "contact": [] });
    client
        .register(only)
        .await
        .expect_problem(400, "accountDoesNotExist");
    let caddy = json!({
        "status": "", "contact": null, "termsOfServiceAgreed": true, "orders": "",
        "externalAccountBinding": null, "onlyReturnExisting": false,
    });
    client.register(caddy).await.expect_status(201);
    let order = json!({
        "status": "", "expires": "0001-01-01T00:00:00Z", "identifiers": identifiers(&["row8.example.internal"]),
        "notBefore": "0001-01-01T00:00:00Z", "notAfter": "0001-01-01T00:00:00Z", "error": null,
        "authorizations": null, "finalize": "", "certificate": "", "profile": "", "replaces": "",
        "unknown": { "nested": [1, 2, 3] },
    });

    let placed = client.post(&client.url("newOrder"), &order).send().await;

    let url = Order::of(&placed.expect_status(201)).authorizations()[0].clone();
    let mut object = client.read(&url).send().await.json();
    object["status"] = json!("deactivated");
    let lego = client.post(&url, &object).send().await;
    assert_eq!(lego.expect_status(200).json()["status"], "deactivated");
}

#[tokio::test]
async fn row_9_makes_an_order_ready_or_invalid_with_its_last_authorization() {
    let client = RawAcme::registered(&CA).await;
    let names = ["row9a.example.internal", "row9b.example.internal"];
    let alive = client.order(&names).await;
    let urls = alive.authorizations();

    client.prove_authorization(&urls[0], "http-01").await;
    let half = client.refresh(&alive).await;
    client.prove_authorization(&urls[1], "http-01").await;
    let whole = client.refresh(&alive).await;
    let dead = client.order(&["row9c.example.internal"]).await;
    let closing = json!({ "status": "deactivated" });
    client
        .post(&dead.authorizations()[0], &closing)
        .send()
        .await;
    let dead = client.refresh(&dead).await;

    assert_eq!(
        [half.status(), whole.status(), dead.status()],
        ["pending", "ready", "invalid"]
    );
}

#[tokio::test]
async fn row_10_answers_a_second_finalize_with_order_not_ready() {
    let client = RawAcme::registered(&CA).await;
    let names = ["row10.example.internal"];
    let issued = client.obtain(&names).await;

    let again = client.finalize(&issued.order, &issued.request.der).await;

    again.expect_problem(403, "orderNotReady");
    let order = client.refresh(&issued.order).await;
    assert_eq!(client.download(&order).await, issued.chain_pem);
}

#[tokio::test]
async fn row_11_gives_every_challenge_a_token() {
    let client = RawAcme::registered(&CA).await;
    let order = client.order(&["row11.example.internal", "127.0.0.1"]).await;

    for url in order.authorizations() {
        let object = client.read(&url).send().await.json();
        for challenge in object["challenges"].as_array().unwrap() {
            assert!(challenge["token"].is_string(), "{challenge}");
            assert!(challenge["url"].is_string(), "{challenge}");
            assert!(challenge["status"].is_string(), "{challenge}");
        }
    }
}

#[tokio::test]
async fn row_12_tells_that_a_key_has_no_account() {
    let mut client = RawAcme::new(&CA).await;

    let answer = client.register(json!({ "onlyReturnExisting": true })).await;

    answer.expect_problem(400, "accountDoesNotExist");
}

#[tokio::test]
async fn row_13_keeps_every_url_on_one_host() {
    let client = RawAcme::registered(&CA).await;
    let order = client.order(&["row13.example.internal"]).await;
    let begin = format!("{}/acme/default/", CA.external_url());

    for url in [
        client.kid.clone().unwrap(),
        client.url("keyChange"),
        client.url("revokeCert"),
        order.url.clone(),
        order.finalize().to_owned(),
        order.authorizations()[0].clone(),
    ] {
        assert!(url.starts_with(&begin), "{url}");
    }
}

#[tokio::test]
async fn row_14_refuses_an_address_as_a_dns_name() {
    let client = RawAcme::registered(&CA).await;
    let payload = json!({ "identifiers": [{ "type": "dns", "value": "127.0.0.1" }] });

    let answer = client.post(&client.url("newOrder"), &payload).send().await;

    let answer = answer.expect_status(400);
    let kind = answer.problem();
    assert!(
        ["malformed", "rejectedIdentifier"].contains(&kind.as_str()),
        "{kind}"
    );
}

#[tokio::test]
async fn row_15_takes_the_subjects_that_clients_send() {
    let client = RawAcme::registered(&CA).await;
    let names = ["row15.example.internal"];
    client.obtain(&names).await;
    let organization = |name: &str| {
        let mut draft = Draft::for_names(&names);
        draft
            .subject
            .push((DnType::OrganizationName, name.to_owned()));
        draft
    };

    for draft in [
        Draft::for_names(&names),
        Draft::for_names(&names).common_name(names[0]),
        organization("acme.sh").common_name(names[0]),
        organization("cert-manager"),
    ] {
        let order = client.order(&names).await;

        let answer = client
            .finalize(&order, &draft.sign(&PKCS_ECDSA_P256_SHA256).der)
            .await;

        assert_eq!(answer.status, 200, "{:?}: {}", draft.subject, answer.text());
    }
}

#[tokio::test]
async fn row_16_proves_a_wildcard_and_its_base_by_two_texts_at_one_name() {
    let client = RawAcme::registered(&CA).await;
    let order = client
        .order(&["*.row16.example.internal", "row16.example.internal"])
        .await;
    let mut challenges = Vec::new();
    for url in order.authorizations() {
        let object = client.read(&url).send().await.json();
        let challenge = challenge_of(&object, "dns-01");
        client.publish(&object, &challenge);
        challenges.push((url, challenge));
    }

    for (url, challenge) in &challenges {
        let answer = challenge["url"].as_str().unwrap();
        client
            .post(answer, &json!({}))
            .send()
            .await
            .expect_status(200);
        assert_eq!(client.wait_while(url, "pending").await["status"], "valid");
    }

    assert_eq!(challenges.len(), 2);
    assert_eq!(client.refresh(&order).await.status(), "ready");
}

#[tokio::test]
async fn row_17_asks_for_an_address_by_its_reverse_name() {
    let client = RawAcme::registered(&CA).await;
    let address = Ipv4Addr::LOCALHOST.to_string();
    let order = client.order(&[&address]).await;

    // The responder shows its certificate for the reverse name only.
    client
        .prove_authorization(&order.authorizations()[0], "tls-alpn-01")
        .await;

    assert_eq!(client.refresh(&order).await.status(), "ready");
}

#[tokio::test]
async fn row_18_prints_a_mac_key_that_clients_take() {
    let output = CA.command(&["eab", "create"]);

    let said = String::from_utf8(output.stdout).unwrap();
    let key = said.lines().find_map(|line| line.strip_prefix("hmac key"));
    let key = key.unwrap().trim();
    assert!(key.len() >= 43, "{key}");
    assert!(
        key.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)),
        "{key}"
    );
}

#[tokio::test]
async fn row_19_puts_the_key_identifier_that_ari_needs_into_leaves() {
    let client = RawAcme::registered(&CA).await;

    let issued = client.obtain(&["row19.example.internal"]).await;

    let text = openssl::certificate_text(&issued.chain_pem);
    assert!(text.contains("X509v3 Authority Key Identifier"), "{text}");
    let id = crate::renewal::certificate_id(&issued.chain_pem);
    let answer = client
        .get(&format!("{}/{id}", client.url("renewalInfo")))
        .await;
    answer.expect_status(200);
}

#[tokio::test]
async fn row_20_maps_profiles_to_descriptions_and_has_one_default() {
    let client = RawAcme::registered(&CA).await;
    let profiles = client.directory()["meta"]["profiles"].clone();

    let order = client.order(&["row20.example.internal"]).await;

    let all_text = |profiles: &Value| profiles.as_object().unwrap().values().all(Value::is_string);
    assert!(all_text(&profiles), "{profiles}");
    assert_eq!(order.object["profile"], "tls-server");
}

#[tokio::test]
async fn row_21_never_refuses_an_order_for_wanting_a_long_life() {
    let client = RawAcme::registered(&CA).await;
    let payload = json!({
        "identifiers": identifiers(&["row21.example.internal"]),
        "notAfter": "2099-01-01T00:00:00Z",
    });

    let answer = client.post(&client.url("newOrder"), &payload).send().await;

    let order = answer.expect_status(201).json();
    assert_ne!(order["notAfter"], "2099-01-01T00:00:00Z");
    assert!(order["warning"].is_string(), "{order}");
}

#[tokio::test]
async fn row_22_shapes_leaves_as_strict_verifiers_want_them() {
    let client = RawAcme::registered(&CA).await;

    let issued = client.obtain(&["row22.example.internal"]).await;

    let serial = issued.serial();
    assert!(
        serial.len() <= 40 && serial.bytes().next() < Some(b'8') || serial.len() < 40,
        "{serial}"
    );
    let text = openssl::certificate_text(&issued.chain_pem);
    assert!(
        text.contains("Subject Alternative Name: critical"),
        "{text}"
    );
    assert!(text.contains("Digital Signature\n"), "{text}");
    let day = ["x509", "-noout", "-checkend"];
    let lives = |secs: &str| {
        let arguments = [&day[..], &[secs]].concat();
        openssl::run_with(&arguments, issued.chain_pem.as_bytes())
            .status
            .success()
    };
    // The backdated minute counts: less than 24 hours are left.
    assert!(lives("86000"));
    assert!(!lives("86400"));
    openssl::verify_chain(&CA.root_file(), &issued.chain_pem);
}

#[tokio::test]
async fn row_23_takes_agreement_where_there_are_no_terms() {
    let mut client = RawAcme::new(&CA).await;

    let answer = client
        .register(json!({ "termsOfServiceAgreed": true }))
        .await;

    answer.expect_status(201);
}

#[test]
fn row_24_tells_each_client_how_to_renew_certificates_of_a_day() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../ca-server/docs");
    let guide = std::fs::read_to_string(format!("{docs}/operator-guide.md")).unwrap();

    for advice in [
        "renewBeforePercentage",
        "certbot",
        "lego",
        "acme.sh",
        "hourly",
    ] {
        assert!(guide.contains(advice), "{advice}");
    }
}
