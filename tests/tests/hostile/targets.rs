//! Hosts that answer validation in every way but the right one.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ca_tests::{RawAcme, TestCa};
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use toml::Value;

use super::world::{assert_sound, peak_mib, serve_somebody, try_name, verdict};

/// What a host does with whoever connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Silent,
    HangsUp,
    DripsHeaders,
    DripsBody,
    FloodsBody,
    FloodsHeaders,
    FloodsHints,
    RedirectsToItself,
    RedirectsElsewhere,
    RedirectsToForbidden,
    SpeaksGarbage,
}

/// A running host.
pub(crate) struct Target {
    pub(crate) dialled: Arc<AtomicUsize>,
}

impl Target {
    /// Serves at an address as long as the test lives.
    pub(crate) async fn start(address: SocketAddr, manner: Manner) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let dialled = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&dialled);
        tokio::spawn(async move {
            while let Ok((stream, _peer)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    // The validator hangs up when it has had enough.
                    let _ = serve(stream, address, manner).await;
                });
            }
        });
        Self { dialled }
    }
}

async fn serve(mut stream: TcpStream, own: SocketAddr, manner: Manner) -> std::io::Result<()> {
    if manner == Manner::HangsUp {
        return Ok(());
    }
    let mut head = [0; 1024];
    let _ = stream.read(&mut head).await?;
    let port = own.port();
    let redirect = |to: String| {
        format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n").into_bytes()
    };
    let (begin, repeat, pause): (Vec<u8>, Vec<u8>, u64) = match manner {
        Manner::Silent | Manner::HangsUp => (Vec::new(), Vec::new(), 1_000),
        Manner::DripsHeaders => (b"HTTP/1.1 200 OK\r\nX: ".to_vec(), b"x".to_vec(), 1_000),
        Manner::DripsBody => (
            b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n".to_vec(),
            b"x".to_vec(),
            1_000,
        ),
        Manner::FloodsBody => (b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 65_536], 0),
        Manner::FloodsHeaders => (
            b"HTTP/1.1 200 OK\r\n".to_vec(),
            b"X: y\r\n".repeat(9_000),
            0,
        ),
        Manner::FloodsHints => (
            Vec::new(),
            b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1_000),
            0,
        ),
        Manner::SpeaksGarbage => (vec![0x16; 512], Vec::new(), 1_000),
        Manner::RedirectsToItself => (redirect(format!("http://{own}/again")), Vec::new(), 1_000),
        Manner::RedirectsElsewhere => (
            redirect(format!("http://{FORBIDDEN}:22/")),
            Vec::new(),
            1_000,
        ),
        Manner::RedirectsToForbidden => (
            redirect(format!("http://{FORBIDDEN}:{port}/")),
            Vec::new(),
            1_000,
        ),
    };
    stream.write_all(&begin).await?;
    loop {
        stream.write_all(&repeat).await?;
        stream.flush().await?;
        sleep(Duration::from_millis(pause)).await;
    }
}

#[tokio::test]
async fn hostile_hosts_cost_their_names_ten_seconds_and_nobody_else_anything() {
    let networks = ["127.0.0.0/24", "127.0.1.0/24"].map(Value::from);
    let ca = TestCa::builder()
        .set("validation.allow_networks", networks.to_vec())
        .start();
    let client = RawAcme::registered(&ca).await;
    let port = ca.network.http.address().port();
    let forbidden = Target::start(SocketAddr::from((FORBIDDEN, port)), Manner::Silent).await;
    let cases = [
        (Manner::Silent, "invalid connection"),
        (Manner::HangsUp, "invalid connection"),
        (Manner::DripsHeaders, "invalid connection"),
        (Manner::DripsBody, "invalid connection"),
        (Manner::FloodsBody, "invalid unauthorized"),
        (Manner::FloodsHeaders, "invalid connection"),
        (Manner::FloodsHints, "invalid connection"),
        (Manner::RedirectsToItself, "invalid connection"),
        (Manner::RedirectsElsewhere, "invalid connection"),
        (Manner::RedirectsToForbidden, "invalid connection"),
        (Manner::SpeaksGarbage, "invalid connection"),
    ];
    let mut targets = Vec::new();
    let mut names = Vec::new();
    for (number, (manner, _)) in (1u8..).zip(cases) {
        let address = Ipv4Addr::new(127, 0, 1, number);
        let name = format!("host{number}.test");
        ca.network.dns.add_address(&name, address.into());
        targets.push(Target::start(SocketAddr::from((address, port)), manner).await);
        names.push(name);
    }
    let begun = Instant::now();

    let attempts = join_all(names.iter().map(|name| try_name(&client, name)));
    let (attempts, ()) = tokio::join!(attempts, serve_somebody(&ca));

    assert!(begun.elapsed() < DECIDED_BY, "{:?}", begun.elapsed());
    for ((manner, expected), (order, authorization)) in cases.iter().zip(&attempts) {
        assert_eq!(
            verdict(authorization),
            *expected,
            "{manner:?}: {authorization}"
        );
        assert_eq!(
            client.refresh(order).await.status(),
            "invalid",
            "{manner:?}"
        );
    }
    assert_eq!(forbidden.dialled.load(Ordering::SeqCst), 0);
    // Each redirect is a connection: the first, and ten that were followed.
    let at_itself = cases
        .iter()
        .position(|(one, _)| *one == Manner::RedirectsToItself);
    let redirected = targets[at_itself.unwrap()].dialled.load(Ordering::SeqCst);
    assert!((2..=11).contains(&redirected), "{redirected}");
    let peak = peak_mib(&ca);
    assert!(peak < MOST_MIB, "{peak} MiB");
    assert_sound(&ca);
}

/// In no network that validation may dial.
const FORBIDDEN: Ipv4Addr = Ipv4Addr::new(127, 0, 2, 1);
/// One validation takes ten seconds at most; the rest is for a busy machine.
const DECIDED_BY: Duration = Duration::from_secs(30);
/// A server without optimization, and nothing of what flooded it.
const MOST_MIB: u64 = 200;
