//! What happens when requests arrive together: the store decides, once.

use std::collections::BTreeSet;

use ca_tests::acme::{AccountKey, Answer, KeyKind, Order, base64url, identifiers, send_together};
use ca_tests::csr::Request;
use ca_tests::{RawAcme, openssl};
use serde_json::json;

use crate::CA;

#[tokio::test]
async fn issues_one_certificate_for_an_order_finalized_many_times_at_once() {
    let client = RawAcme::registered(&CA).await;
    let names = ["together.example.internal"];
    let order = client.order(&names).await;
    let order = client.prove(&order).await;
    let mut posts = Vec::new();
    for _ in 0..20 {
        let csr = base64url(&Request::for_names(&names).der);
        let post = client.post(order.finalize(), &json!({ "csr": csr }));
        posts.push(post.prepare().await);
    }

    let answers = send_together(posts).await;

    let finished: Vec<&Answer> = answers.iter().filter(|one| one.status == 200).collect();
    assert!(!finished.is_empty());
    for answer in answers.iter().filter(|one| one.status != 200) {
        assert_eq!(
            (answer.status, answer.problem()),
            (403, "orderNotReady".into())
        );
    }
    let mut serials = BTreeSet::new();
    for answer in finished {
        let done = Order::of(answer);
        client.wait_while(&done.url, "processing").await;
        let pem = client.download(&client.refresh(&done).await).await;
        serials.insert(openssl::certificate_field(&pem, "serial"));
    }
    assert_eq!(serials.len(), 1);
}

#[tokio::test]
async fn makes_one_account_for_a_key_registered_many_times_at_once() {
    let client = RawAcme::at(&CA, "default", AccountKey::generate(KeyKind::Es256)).await;
    let mut posts = Vec::new();
    for _ in 0..20 {
        let post = client.post(&client.url("newAccount"), &json!({}));
        posts.push(post.with_jwk().prepare().await);
    }

    let answers = send_together(posts).await;

    let created = answers.iter().filter(|one| one.status == 201).count();
    let found = answers.iter().filter(|one| one.status == 200).count();
    let urls: BTreeSet<_> = answers.iter().map(|one| one.header("location")).collect();
    assert_eq!((created, found, urls.len()), (1, 19, 1));
}

#[tokio::test]
async fn lets_one_of_many_orders_replace_a_certificate() {
    let client = RawAcme::registered(&CA).await;
    let names = ["replaced-once.example.internal"];
    let issued = client.obtain(&names).await;
    let replaces = crate::renewal::certificate_id(&issued.chain_pem);
    let payload = json!({ "identifiers": identifiers(&names), "replaces": replaces });
    let mut posts = Vec::new();
    for _ in 0..10 {
        let post = client.post(&client.url("newOrder"), &payload);
        posts.push(post.prepare().await);
    }

    let answers = send_together(posts).await;

    let placed = answers.iter().filter(|one| one.status == 201).count();
    let refused = answers.iter().filter(|one| one.status == 409).count();
    assert_eq!((placed, refused), (1, 9));
}

#[tokio::test]
async fn validates_a_challenge_answered_many_times_at_once_and_ends_well() {
    let client = RawAcme::registered(&CA).await;
    let order = client.order(&["answered.example.internal"]).await;
    let url = order.authorizations()[0].clone();
    let authorization = client.read(&url).send().await.json();
    let challenge = ca_tests::acme::challenge_of(&authorization, "http-01");
    client.publish(&authorization, &challenge);
    let mut posts = Vec::new();
    for _ in 0..10 {
        let post = client.post(challenge["url"].as_str().unwrap(), &json!({}));
        posts.push(post.prepare().await);
    }

    let answers = send_together(posts).await;

    assert!(answers.iter().all(|one| one.status == 200));
    let ended = client.wait_while(&url, "pending").await;
    assert_eq!(ended["status"], "valid", "{ended}");
    let token = challenge["token"].as_str().unwrap();
    let path = format!("/.well-known/acme-challenge/{token}");
    assert_eq!(CA.network.http.times_requested(&path), 1);
}

#[tokio::test]
async fn revokes_once_what_is_revoked_many_times_at_once() {
    let client = RawAcme::registered(&CA).await;
    let issued = client.obtain(&["revoked-once.example.internal"]).await;
    let payload = json!({ "certificate": base64url(&issued.leaf_der()) });
    let mut posts = Vec::new();
    for _ in 0..10 {
        let post = client.post(&client.url("revokeCert"), &payload);
        posts.push(post.prepare().await);
    }

    let answers = send_together(posts).await;

    let revoked = answers.iter().filter(|one| one.status == 200).count();
    let refused = answers.iter().filter(|one| one.status == 400).count();
    assert_eq!((revoked, refused), (1, 9));
}
