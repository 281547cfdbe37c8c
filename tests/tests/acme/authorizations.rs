//! Authorizations (RFC 8555 §7.1.4, §7.4.1, §7.5).

use ca_tests::RawAcme;
use ca_tests::acme::Answer;
use serde_json::json;

use crate::CA;

#[tokio::test]
async fn authorizes_a_name_ahead_of_any_order() {
    let client = RawAcme::registered(&CA).await;
    let name = "ahead.example.internal";

    let created = ahead(&client, name).await.expect_status(201);
    let again = ahead(&client, name).await.expect_status(200);
    let url = created.header("location").unwrap().to_owned();
    client.prove_authorization(&url, "http-01").await;
    let order = client.order(&[name]).await;

    assert_eq!(again.header("location"), Some(&*url));
    assert_eq!(order.status(), "ready");
    assert_eq!(order.authorizations(), [url]);
}

#[tokio::test]
async fn refuses_to_authorize_ahead_what_could_not_be_ordered() {
    let client = RawAcme::registered(&CA).await;

    let wildcard = ahead(&client, "*.example.internal").await;
    let url = client.url("newAuthz");
    let nothing = client.post(&url, &json!({})).send().await;
    let foreign = json!({ "identifier": { "type": "email", "value": "a@b.example" } });
    let foreign = client.post(&url, &foreign).send().await;

    wildcard.expect_problem(400, "malformed");
    nothing.expect_problem(400, "malformed");
    foreign.expect_problem(400, "unsupportedIdentifier");
}

#[tokio::test]
async fn offers_the_challenges_that_can_prove_the_identifier() {
    let client = RawAcme::registered(&CA).await;
    let order = client
        .order(&["a.example.internal", "*.a.example.internal", "127.0.0.1"])
        .await;
    let mut offered = Vec::new();

    for url in order.authorizations() {
        let answer = client.read(&url).send().await.expect_status(200);
        let object = answer.json();
        let mut kinds: Vec<String> = object["challenges"]
            .as_array()
            .unwrap()
            .iter()
            .map(|challenge| challenge["type"].as_str().unwrap().to_owned())
            .collect();
        kinds.sort_unstable();
        let value = object["identifier"]["value"].as_str().unwrap().to_owned();
        offered.push((value, object["wildcard"].as_bool(), kinds));
    }
    offered.sort();

    let kinds = |kinds: &[&str]| {
        kinds
            .iter()
            .map(|kind| (*kind).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        offered,
        [
            (
                "127.0.0.1".to_owned(),
                None,
                kinds(&["http-01", "tls-alpn-01"])
            ),
            (
                "a.example.internal".to_owned(),
                None,
                kinds(&["dns-01", "http-01", "tls-alpn-01"])
            ),
            (
                "a.example.internal".to_owned(),
                Some(true),
                kinds(&["dns-01"])
            ),
        ]
    );
}

#[tokio::test]
async fn makes_tokens_that_nobody_guesses() {
    let client = RawAcme::registered(&CA).await;
    let mut tokens = std::collections::BTreeSet::new();

    for n in 0..5 {
        let order = client.order(&[&format!("token{n}.example.internal")]).await;
        let authorization = client.read(&order.authorizations()[0]).send().await.json();
        for challenge in authorization["challenges"].as_array().unwrap() {
            let token = challenge["token"].as_str().unwrap().to_owned();
            // 128 bits at least (RFC 8555 §8.1), in base64url.
            assert!(token.len() >= 22, "{token}");
            assert!(
                token
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
            );
            tokens.insert(token);
        }
    }

    assert!(tokens.len() >= 5);
}

#[tokio::test]
async fn deactivates_a_proven_authorization_which_then_proves_nothing() {
    let client = RawAcme::registered(&CA).await;
    let name = "given-up.example.internal";
    let issued = client.obtain(&[name]).await;
    let url = issued.order.authorizations()[0].clone();

    let deactivated = deactivate(&client, &url).await.expect_status(200);
    let order = client.order(&[name]).await;

    assert_eq!(deactivated.json()["status"], "deactivated");
    assert_eq!(order.status(), "pending");
    assert_ne!(order.authorizations(), [url]);
}

#[tokio::test]
async fn ends_the_order_of_a_deactivated_authorization() {
    let client = RawAcme::registered(&CA).await;
    let order = client.order(&["dead.example.internal"]).await;

    deactivate(&client, &order.authorizations()[0])
        .await
        .expect_status(200);

    let order = client.refresh(&order).await;
    assert_eq!(order.status(), "invalid", "{}", order.object);
}

#[tokio::test]
async fn takes_a_whole_authorization_object_as_deactivation() {
    let client = RawAcme::registered(&CA).await;
    let order = client.order(&["whole.example.internal"]).await;
    let url = order.authorizations()[0].clone();
    let mut object = client.read(&url).send().await.json();
    object["status"] = json!("deactivated");

    let answer = client.post(&url, &object).send().await;

    assert_eq!(answer.expect_status(200).json()["status"], "deactivated");
}

#[tokio::test]
async fn takes_no_other_status_from_a_client() {
    let client = RawAcme::registered(&CA).await;
    let order = client.order(&["self-made.example.internal"]).await;
    let url = order.authorizations()[0].clone();

    for status in ["valid", "revoked", "pending", ""] {
        let answer = client.post(&url, &json!({ "status": status })).send().await;

        assert_eq!(answer.status, 400, "{status}: {}", answer.text());
    }
    let object = client.read(&url).send().await.json();
    assert_eq!(object["status"], "pending");
}

async fn ahead(client: &RawAcme<'_>, name: &str) -> Answer {
    let payload = json!({ "identifier": { "type": "dns", "value": name } });
    client.post(&client.url("newAuthz"), &payload).send().await
}

async fn deactivate(client: &RawAcme<'_>, url: &str) -> Answer {
    client
        .post(url, &json!({ "status": "deactivated" }))
        .send()
        .await
}
