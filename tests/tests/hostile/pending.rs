//! Thousands of validations against hosts that accept and say nothing.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::time::Duration;

use ca_tests::acme::{Order, challenge_of};
use ca_tests::{RawAcme, TestCa, is_long};
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use serde_json::json;

use super::targets::{Manner, Target};
use super::world::{assert_sound, peak_mib, serve_somebody, sockets};

#[tokio::test]
async fn validations_that_wait_for_silent_hosts_are_bounded_and_all_end() {
    let (accounts, each) = if is_long() { (20, 500) } else { (2, 60) };
    let ca = TestCa::builder()
        .set("limits.address.requests_per_minute", 0)
        .set("limits.account.new_orders_per_minute", 0)
        .start();
    let address = Ipv4Addr::new(127, 0, 1, 9);
    let port = ca.network.http.address().port();
    let silent = Target::start(SocketAddr::from((address, port)), Manner::Silent).await;
    for number in 0..each {
        ca.network.dns.add_address(&name(number), address.into());
    }
    let clients = join_all((0..accounts).map(|_| RawAcme::registered(&ca))).await;
    let before = peak_mib(&ca);

    let attacks = clients.iter().map(|client| begin_all(client, each));
    let (orders, ()) = tokio::join!(join_all(attacks), serve_somebody(&ca));

    // Some wait for their turn; whoever comes now does not wait behind them.
    serve_somebody(&ca).await;
    let under_way = sockets(&ca);
    for (client, orders) in clients.iter().zip(&orders) {
        for order in orders {
            assert_ends(client, order).await;
        }
    }
    assert!(silent.dialled.load(Ordering::SeqCst) >= accounts * each);
    assert!(under_way < MOST_SOCKETS, "{under_way} sockets");
    let grown = peak_mib(&ca) - before;
    eprintln!(
        "{} validations: {grown} MiB, {under_way} sockets",
        accounts * each
    );
    assert!(grown < MOST_MIB, "{grown} MiB more");
    serve_somebody(&ca).await;
    assert_sound(&ca);
}

fn name(number: usize) -> String {
    format!("silent{number}.test")
}

/// Orders each name and says that it is ready.
async fn begin_all(client: &RawAcme<'_>, each: usize) -> Vec<Order> {
    let begin = async |number| {
        let order = client.order(&[&name(number)]).await;
        let url = order.authorizations().remove(0);
        let authorization = client.read(&url).send().await.expect_status(200).json();
        let challenge = challenge_of(&authorization, "http-01");
        let answer = client.post(challenge["url"].as_str().unwrap(), &json!({}));
        answer.send().await.expect_status(200);
        order
    };
    let all = stream::iter(0..each).map(begin);
    all.buffer_unordered(SIDE_BY_SIDE).collect().await
}

/// Waits until an order is decided, longer than a harness would for one alone.
async fn assert_ends(client: &RawAcme<'_>, order: &Order) {
    for _ in 0..900 {
        let now = client.refresh(order).await;
        if now.status() != "pending" {
            assert_eq!(now.status(), "invalid");
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("{} is stuck", order.url);
}

/// Of each account: enough that the server never waits for the clients, and fewer sockets than count.
const SIDE_BY_SIDE: usize = 16;
/// 1,024 validations at once, and what the clients hold.
const MOST_SOCKETS: usize = 1_024 + 600;
/// What so many sockets may cost, 120 KiB each in a build without optimization.
const MOST_MIB: u64 = 200;
