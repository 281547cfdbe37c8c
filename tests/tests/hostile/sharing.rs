//! One client takes all that it can get: it is told to wait, and the others are not.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ca_tests::{RawAcme, TestCa};
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::world::{HONEST, assert_sound, connect, connect_tls, count_turned_away};

/// Asks until told to stop and counts answers by `refused`.
struct Flood {
    is_over: AtomicBool,
    let_in: AtomicUsize,
    refused: AtomicUsize,
}

impl Flood {
    fn new() -> Self {
        Self {
            is_over: AtomicBool::new(false),
            let_in: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
        }
    }

    fn count(&self, is_refused: bool) {
        let counter = if is_refused {
            &self.refused
        } else {
            &self.let_in
        };
        counter.fetch_add(1, Ordering::SeqCst);
    }

    /// Runs `flood` until `others` are done.
    async fn during(&self, flood: impl Future<Output = ()>, others: impl Future<Output = ()>) {
        let others = async {
            while self.refused.load(Ordering::SeqCst) == 0 {
                tokio::time::sleep(BRIEFLY).await;
            }
            others.await;
            self.is_over.store(true, Ordering::SeqCst);
        };
        tokio::join!(flood, others);
    }
}

/// Three others get a certificate each; any refusal would fail them.
async fn others_order(ca: &TestCa) {
    let order = async || {
        let client = RawAcme::registered(ca).await;
        client.obtain(&["modest.test"]).await;
    };
    join_all([order(), order(), order()]).await;
}

#[tokio::test]
async fn a_flood_of_one_account_is_refused_while_others_order() {
    let ca = TestCa::builder()
        .set("limits.account.requests_per_minute", 600)
        .set("limits.account.burst", 100)
        .set("limits.account.new_orders_per_minute", 20)
        .start();
    let greedy = RawAcme::registered(&ca).await;
    let flood = Flood::new();
    let ask = async || {
        while !flood.is_over.load(Ordering::SeqCst) {
            let answer = greedy.new_order(&["greedy.test"]).await;
            if answer.status == 429 {
                assert_eq!(
                    answer.member("type"),
                    "urn:ietf:params:acme:error:rateLimited"
                );
                let wait = answer.header("retry-after").unwrap();
                assert!(wait.parse::<u64>().unwrap() >= 1);
            }
            flood.count(answer.status == 429);
        }
    };

    let asking = async {
        join_all([ask(), ask(), ask(), ask()]).await;
    };
    flood.during(asking, others_order(&ca)).await;

    let let_in = flood.let_in.load(Ordering::SeqCst);
    assert!((20..100).contains(&let_in), "{let_in} orders");
    assert_sound(&ca);
}

#[tokio::test]
async fn a_flood_of_unsigned_requests_from_one_address_is_refused_before_it_is_read() {
    let ca = TestCa::builder()
        .set("limits.address.requests_per_minute", 600)
        .set("limits.address.burst", 100)
        .set("limits.address.exempt", vec![toml::Value::from(HONEST)])
        .start();
    let flood = Flood::new();
    let ask = async || {
        let mut stream = connect_tls(&ca, 9, "http/1.1").await;
        let body = r#"{"protected":"","payload":"","signature":""}"#;
        let request = format!(
            "POST /acme/default/new-order HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: application/jose+json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        while !flood.is_over.load(Ordering::SeqCst) {
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = [0; 4096];
            let length = stream.read(&mut answer).await.unwrap();
            let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
            let is_refused = answer.starts_with("HTTP/1.1 429");
            assert!(is_refused || answer.starts_with("HTTP/1.1 400"), "{answer}");
            assert_eq!(answer.contains("\r\nretry-after: "), is_refused, "{answer}");
            flood.count(is_refused);
        }
    };

    let asking = async {
        join_all([ask(), ask(), ask(), ask()]).await;
    };
    flood.during(asking, others_order(&ca)).await;

    let let_in = flood.let_in.load(Ordering::SeqCst);
    let refused = flood.refused.load(Ordering::SeqCst);
    assert!(let_in >= 100, "{let_in}");
    assert!(refused > 0, "{refused}");
    assert_sound(&ca);
}

#[tokio::test]
async fn an_address_opens_so_many_tls_connections_and_others_still_theirs() {
    let ca = TestCa::builder()
        .set("limits.address.requests_per_minute", 60)
        .set("limits.address.burst", 20)
        .set("limits.address.exempt", vec![toml::Value::from(HONEST)])
        .start();

    let mut held = Vec::new();
    for _ in 0..40 {
        held.push(connect(&ca, "public", 9).await.unwrap());
    }
    let turned_away = count_turned_away(held).await;

    assert!((1..=20).contains(&turned_away), "{turned_away}");
    others_order(&ca).await;
    assert_sound(&ca);
}

const BRIEFLY: Duration = Duration::from_millis(50);
