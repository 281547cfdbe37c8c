//! Thousands of connections that nobody uses.

use ca_tests::{TestCa, is_long};
use futures_util::{StreamExt, stream};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::world::{
    LONGEST, assert_sound, connect, connect_tls, count_turned_away, peak_mib, serve_somebody,
    sockets, unlimited,
};

/// Opens connections from eight addresses, a few at a time.
async fn open(ca: &TestCa, listener: &'static str, many: usize) -> Vec<TcpStream> {
    let connections = stream::iter(0..many).map(|number| async move {
        let host = u8::try_from(30 + number % 8).unwrap();
        connect(ca, listener, host).await
    });
    let opened = connections.buffer_unordered(256).collect::<Vec<_>>().await;
    opened.into_iter().map(Result::unwrap).collect()
}

#[tokio::test]
async fn thousands_of_idle_connections_keep_nobody_out_and_end() {
    // Sockets of both ends: the server's are another process's.
    // A silent HTTP/2 connection may stand still for a minute, others for a quarter of one.
    let (public, pki, handshaken, protocol) = if is_long() {
        (10_000, 3_000, 1_000, "h2")
    } else {
        (1_000, 300, 50, "http/1.1")
    };
    let ca = unlimited();
    serve_somebody(&ca).await;
    let (peak, before) = (peak_mib(&ca), sockets(&ca));

    let spoken = stream::iter(0..handshaken)
        .map(|number| connect_tls(&ca, 40 + u8::try_from(number % 8).unwrap(), protocol))
        .buffer_unordered(32)
        .collect::<Vec<_>>();
    let (idle, silent, spoken, ()) = tokio::join!(
        open(&ca, "public", public),
        open(&ca, "pki", pki),
        spoken,
        serve_somebody(&ca)
    );
    let held = sockets(&ca);
    serve_somebody(&ca).await;

    for mut stream in idle.into_iter().chain(silent) {
        let ended = timeout(LONGEST, stream.read_to_end(&mut Vec::new())).await;
        assert!(ended.is_ok(), "still open after {LONGEST:?}");
    }
    for mut stream in spoken {
        let ended = timeout(LONGEST, stream.read_to_end(&mut Vec::new())).await;
        assert!(ended.is_ok(), "still open after {LONGEST:?}");
    }
    let grown = peak_mib(&ca) - peak;
    eprintln!(
        "{} connections, {held} sockets at once: {grown} MiB",
        public + pki + handshaken
    );
    assert!(grown < MOST_MIB, "{grown} MiB more");
    let left = sockets(&ca);
    assert!(left <= before + 40, "{left} sockets, {before} before");
    serve_somebody(&ca).await;
    assert_sound(&ca);
}

#[tokio::test]
async fn one_address_holds_so_many_connections_and_others_get_in() {
    let ca = TestCa::builder()
        .set("limits.address.connections", 20)
        .start();

    let mut held = Vec::new();
    for _ in 0..30 {
        held.push(connect(&ca, "pki", 50).await.unwrap());
    }

    assert_eq!(count_turned_away(held).await, 10);
    let metrics = reqwest::get(ca.plain_url("ops", "/metrics")).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let counted = "ca_limited_total{limit=\"connections\"} 10\n";
    assert!(metrics.contains(counted), "{metrics}");
    serve_somebody(&ca).await;
    assert_sound(&ca);
}

/// Without optimization: 20 KiB a connection, and what crowds besides.
const MOST_MIB: u64 = 400;
