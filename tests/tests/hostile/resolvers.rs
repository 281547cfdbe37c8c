//! Resolvers that time out, lie, answer late, answer too much or in circles.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ca_tests::{RawAcme, TestCa};
use futures_util::future::join_all;
use tokio::net::TcpListener;
use tokio::time::timeout;
use toml::Value;

use super::liar;
use super::world::{assert_sound, serve_somebody, try_name, verdict};

#[tokio::test]
async fn a_lying_resolver_costs_its_names_and_nobody_else() {
    let resolver = Value::from(liar::start().to_string());
    let ca = TestCa::builder()
        .set("validation.resolvers", vec![resolver])
        .start();
    // Whoever is dialled here was named by nobody but a forger.
    let victim = SocketAddr::new(liar::VICTIM.into(), ca.network.http.address().port());
    let victim = TcpListener::bind(victim).await.unwrap();
    let client = RawAcme::registered(&ca).await;
    let cases = [
        ("silent.test", "invalid dns"),
        ("late.test", "invalid dns"),
        ("wrong-id.test", "invalid dns"),
        ("wrong-question.test", "invalid dns"),
        ("spoofed.test", "valid"),
        ("extra.test", "invalid dns"),
        ("loop.test", "invalid dns"),
        ("chain.test", "invalid dns"),
        ("endless.test", "invalid dns"),
        ("short.test", "invalid dns"),
        ("truncated.test", "invalid dns"),
        ("garbage.test", "invalid dns"),
        ("forbidden.test", "invalid connection"),
        ("unspecified.test", "invalid connection"),
    ];
    let begun = Instant::now();

    let attempts = join_all(cases.map(|(name, _)| try_name(&client, name)));
    let (attempts, ()) = tokio::join!(attempts, serve_somebody(&ca));

    assert!(begun.elapsed() < DECIDED_BY, "{:?}", begun.elapsed());
    for ((name, expected), (order, authorization)) in cases.iter().zip(&attempts) {
        assert_eq!(verdict(authorization), *expected, "{name}: {authorization}");
        let order = client.refresh(order).await;
        let status = if *expected == "valid" {
            "ready"
        } else {
            "invalid"
        };
        assert_eq!(order.status(), status, "{name}");
    }
    let dialled = timeout(Duration::from_millis(100), victim.accept()).await;
    assert!(dialled.is_err(), "a forged address was dialled");
    assert_sound(&ca);
}

/// One validation takes ten seconds at most; the rest is for a busy machine.
const DECIDED_BY: Duration = Duration::from_secs(30);
