//! SIGTERM while the program works: what was accepted is finished, and the program ends by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ca_tests::acme::challenge_of;
use ca_tests::network::HttpAnswer;
use ca_tests::{RawAcme, TestCa};
use futures_util::future::{join, join_all};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::{Barrier, Notify};

use crate::database::Aside;
use crate::eventually;
use crate::load::Load;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaves_nothing_to_settle_when_asked_to_end_under_load() {
    let ca = Arc::new(TestCa::quickstart());
    let mut load = Load::begin(&ca, 4).await;
    load.advance(40).await;

    let asked = Instant::now();
    let code = ca.stop();
    let took = asked.elapsed();
    let mut clients = load.end().await;

    assert_eq!(code, 0, "{}", ca.log());
    assert!(took < BOUND, "it took {took:?}");
    let aside = Aside::of(&ca.database_url()).await;
    let unfinished = "SELECT COUNT(*) FROM certificate WHERE state = 'intended'";
    let left: Vec<i64> = aside.column(unfinished).await;
    let burned = "SELECT COUNT(*) FROM certificate WHERE state = 'burned'";
    let burned: Vec<i64> = aside.column(burned).await;
    aside.close().await;
    assert_eq!((left[0], burned[0]), (0, 0));
    ca.start();
    for client in &mut clients {
        client.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_every_request_that_it_has_accepted() {
    let ca = Arc::new(TestCa::quickstart());
    let ready = Barrier::new(CLIENTS + 1);
    let asking = join_all((0..CLIENTS).map(|number| order_until_refused(&ca, number, &ready)));
    let ending = async {
        ready.wait().await;
        let ca = Arc::clone(&ca);
        tokio::task::spawn_blocking(move || ca.stop())
            .await
            .unwrap()
    };

    let (answered, code) = join(asking, ending).await;
    let answered: u64 = answered.into_iter().sum();

    assert_eq!(code, 0, "{}", ca.log());
    let aside = Aside::of(&ca.database_url()).await;
    let placed: Vec<i64> = aside.column("SELECT COUNT(*) FROM acme_order").await;
    aside.close().await;
    assert!(answered > 0, "it ended too soon to show anything");
    assert_eq!(placed, [i64::try_from(answered).unwrap()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finishes_a_validation_that_is_under_way() {
    let ca = TestCa::quickstart();
    let client = RawAcme::registered(&ca).await;
    let order = client.order(&["slow.example.internal"]).await;
    let url = order.authorizations().remove(0);
    let authorization = client.read(&url).send().await.json();
    let challenge = challenge_of(&authorization, "http-01");
    let token = challenge["token"].as_str().unwrap();
    let path = format!("/.well-known/acme-challenge/{token}");
    let released = Arc::new(Notify::new());
    let body = client.key_authorization(token);
    let network = &ca.network.http;
    network.set(&path, HttpAnswer::After(Arc::clone(&released), body));
    let target = challenge["url"].as_str().unwrap();
    let answered = client.post(target, &json!({})).send().await;

    ca.signal("TERM");
    eventually(async || TcpStream::connect(ca.address("public")).await.is_err()).await;
    released.notify_one();
    let code = ca.stop();
    ca.start();

    assert_eq!(answered.expect_status(200).member("status"), "processing");
    assert_eq!(code, 0, "{}", ca.log());
    let proven = client.read(&url).send().await.expect_status(200);
    assert_eq!(proven.member("status"), "valid");
    assert_eq!(network.times_requested(&path), 1, "it is not begun anew");
}

/// Places orders until no request is taken any more; returns how many were answered.
async fn order_until_refused(ca: &TestCa, number: usize, ready: &Barrier) -> u64 {
    let client = RawAcme::registered(ca).await;
    let mut nonces = Vec::new();
    for _ in 0..REQUESTS {
        nonces.push(client.fresh_nonce().await);
    }
    ready.wait().await;
    for (answered, nonce) in (0..).zip(nonces) {
        let name = format!("r{number}-{answered}.example.internal");
        let payload = json!({ "identifiers": [{ "type": "dns", "value": name }] });
        let post = client.post(&client.url("newOrder"), &payload);
        let request = post.protected("nonce", nonce).prepare().await;
        match request.send().await {
            Ok(response) => assert_eq!(response.status(), 201),
            // Nobody has read it, or else the store holds an order too many.
            Err(_) => return answered,
        }
    }
    panic!("the server took {REQUESTS} requests and did not end");
}

const CLIENTS: usize = 8;
const REQUESTS: usize = 200;

/// Requests are short, so the drain is too; the program itself allows 30 s.
const BOUND: Duration = Duration::from_secs(20);
