//! Nonces (RFC 8555 §6.5, §7.2).

use std::collections::BTreeSet;

use ca_tests::RawAcme;
use futures_util::future::join_all;
use serde_json::json;

use crate::CA;

#[tokio::test]
async fn refuses_a_nonce_the_second_time_and_gives_a_fresh_one() {
    let client = RawAcme::registered(&CA).await;
    let nonce = client.fresh_nonce().await;
    let order = client.order(&["nonce.example.internal"]).await;
    let read = || client.read(&order.url).protected("nonce", nonce.clone());

    let first = read().send().await;
    let second = read().send().await;

    first.expect_status(200);
    let second = second.expect_problem(400, "badNonce");
    let fresh = second.header("replay-nonce").unwrap().to_owned();
    let third = client.read(&order.url).protected("nonce", fresh);
    third.send().await.expect_status(200);
}

#[tokio::test]
async fn lets_exactly_one_of_fifty_requests_have_a_nonce() {
    let client = RawAcme::registered(&CA).await;
    let url = client.kid.clone().unwrap();
    let nonce = client.fresh_nonce().await;
    let mut requests = Vec::new();
    for _ in 0..50 {
        let request = client.read(&url).protected("nonce", nonce.clone());
        requests.push(request.prepare().await);
    }

    let sent = requests.into_iter().map(reqwest::RequestBuilder::send);
    let answers = join_all(sent).await;

    let statuses = answers.into_iter().map(|answer| answer.unwrap().status());
    let (taken, refused): (Vec<_>, Vec<_>) = statuses.partition(|status| *status == 200);
    assert_eq!((taken.len(), refused.len()), (1, 49));
    assert!(refused.iter().all(|status| *status == 400), "{refused:?}");
}

#[tokio::test]
async fn gives_nonces_that_never_repeat_in_every_way_to_ask() {
    let client = RawAcme::new(&CA).await;
    let url = client.url("newNonce");
    let mut nonces = BTreeSet::new();

    for _ in 0..20 {
        let head = client.http().head(&url).send().await.unwrap();
        let get = client.http().get(&url).send().await.unwrap();
        for (answer, status) in [(head, 200), (get, 204)] {
            assert_eq!(answer.status(), status);
            assert_eq!(answer.headers()["cache-control"], "no-store");
            let nonce = answer.headers()["replay-nonce"].to_str().unwrap();
            assert!(is_base64url(nonce), "{nonce}");
            nonces.insert(nonce.to_owned());
        }
    }

    assert_eq!(nonces.len(), 40);
}

#[tokio::test]
async fn takes_a_nonce_of_another_directory_and_account() {
    let giver = RawAcme::registered(&CA).await;
    let taker = RawAcme::registered(&CA).await;
    let nonce = giver.fresh_nonce().await;

    let url = taker.kid.clone().unwrap();
    let answer = taker.read(&url).protected("nonce", nonce).send().await;

    answer.expect_status(200);
}

#[tokio::test]
async fn does_not_spend_the_nonce_of_a_request_that_was_not_signed() {
    let client = RawAcme::registered(&CA).await;
    let url = client.kid.clone().unwrap();
    let nonce = client.fresh_nonce().await;
    let forged = client
        .read(&url)
        .protected("nonce", nonce.clone())
        .alter(|jws| jws["signature"] = json!("A".repeat(86)));
    forged.send().await.expect_problem(400, "malformed");

    let answer = client.read(&url).protected("nonce", nonce).send().await;

    answer.expect_status(200);
}

fn is_base64url(text: &str) -> bool {
    let allowed = |octet: u8| octet.is_ascii_alphanumeric() || b"-_".contains(&octet);
    !text.is_empty() && text.bytes().all(allowed)
}
