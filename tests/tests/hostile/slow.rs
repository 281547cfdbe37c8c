//! Clients that take all the time in the world.

use std::time::Duration;

use ca_tests::{TestCa, is_long};
use futures_util::future::join_all;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::time::{interval, timeout};

use super::world::{
    LONGEST, assert_sound, connect, connect_tls, peak_mib, serve_somebody, sockets, unlimited,
};

/// Sends a beginning, then an octet a second, until the server ends the connection.
async fn drip(stream: impl AsyncRead + AsyncWrite, beginning: &[u8]) {
    let (mut read, mut write) = split(stream);
    let dripping = async {
        let _ = write.write_all(beginning).await;
        let mut pace = interval(Duration::from_secs(1));
        loop {
            pace.tick().await;
            if write.write_all(b"x").await.is_err() || write.flush().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut said = Vec::new();
    tokio::select! {
        // A reset says the same as an end.
        _ = read.read_to_end(&mut said) => {}
        () = dripping => {}
        () = tokio::time::sleep(LONGEST) => panic!("still open after {LONGEST:?}"),
    }
}

/// One of each kind of slowness, from one of a few addresses.
async fn each_kind(ca: &TestCa, number: usize) {
    let host = u8::try_from(20 + number % 8).unwrap();
    let head = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: ";
    let body = b"POST /acme/default/new-order HTTP/1.1\r\nHost: a\r\n\
        Content-Type: application/jose+json\r\nContent-Length: 9000\r\n\r\n{";
    let ocsp = b"POST /ocsp/tls HTTP/1.1\r\nHost: a\r\n\
        Content-Type: application/ocsp-request\r\nContent-Length: 900\r\n\r\n0";
    // Short enough to be about one certificate, which is answered before the router.
    let short_ocsp = b"POST /ocsp/tls HTTP/1.1\r\nHost: a\r\n\
        Content-Type: application/ocsp-request\r\nContent-Length: 90\r\n\r\n0";
    // A TLS record that says it is long, and comes an octet at a time.
    let hello = [0x16, 0x03, 0x01, 0x40, 0x00, 0x01, 0x00, 0x3f, 0xfc];
    let plain = async |listener, octets: &[u8]| {
        if let Ok(stream) = connect(ca, listener, host).await {
            drip(stream, octets).await;
        }
    };
    let tls = async |octets: &[u8]| drip(connect_tls(ca, host, "http/1.1").await, octets).await;
    tokio::join!(
        plain("public", &hello),
        tls(head),
        tls(body),
        plain("pki", head),
        plain("pki", ocsp),
        plain("pki", short_ocsp),
        plain("ops", head),
    );
}

#[tokio::test]
async fn slow_headers_bodies_and_handshakes_end_while_others_are_served() {
    let many = if is_long() { 500 } else { 10 };
    let ca = unlimited();
    serve_somebody(&ca).await;
    let before = (peak_mib(&ca), sockets(&ca));

    let attacks = join_all((0..many).map(|number| each_kind(&ca, number)));
    let others = async {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(2)).await;
            serve_somebody(&ca).await;
        }
    };
    tokio::join!(attacks, others);

    let grown = peak_mib(&ca) - before.0;
    eprintln!("{} slow connections: {grown} MiB", 7 * many);
    assert!(grown < MOST_MIB + many as u64 / 2, "{grown} MiB more");
    let left = sockets(&ca);
    assert!(left <= before.1 + 40, "{left} sockets, {} before", before.1);
    serve_somebody(&ca).await;
    assert_sound(&ca);
}

#[tokio::test]
async fn one_address_with_slow_bodies_takes_its_share_and_no_more() {
    let ca = unlimited();
    let head = b"POST /acme/default/new-order HTTP/1.1\r\nHost: localhost\r\n\
        Content-Type: application/jose+json\r\nContent-Length: 60000\r\n\r\n";
    let begin = async |_| {
        let mut stream = connect_tls(&ca, 9, "http/1.1").await;
        stream.write_all(head).await.unwrap();
        stream.write_all(&[b' '; 30_000]).await.unwrap();
        stream.flush().await.unwrap();
        stream
    };
    let mut streams = join_all((0..200).map(begin)).await;

    let answers = streams.iter_mut().map(|stream| async {
        let mut said = [0; 16];
        let read = timeout(ANSWERED, stream.read(&mut said)).await;
        read.is_ok() && said.starts_with(b"HTTP/1.1 429")
    });
    let refused = join_all(answers).await.into_iter().filter(|is| *is).count();

    // 128 are waited for.
    assert!(refused >= 200 - 128, "{refused}");
    serve_somebody(&ca).await;
    assert_sound(&ca);
}

#[tokio::test]
async fn a_client_that_has_closed_its_half_is_answered_or_ended() {
    let ca = unlimited();
    let whole = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    let half = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: ";

    for (listener, path) in [("pki", "/roots.pem"), ("ops", "/healthz")] {
        let whole = String::from_utf8_lossy(whole).replace("/healthz", path);
        // Whether the end comes before the answer is chance: once shows nothing.
        let asks = [(whole.as_bytes(), true, 200), (half, false, 1)];
        for (octets, answered, times) in asks {
            for _ in 0..times {
                let mut stream = connect(&ca, listener, 1).await.unwrap();
                stream.write_all(octets).await.unwrap();
                stream.shutdown().await.unwrap();
                let mut said = Vec::new();
                let reading = stream.read_to_end(&mut said);
                let ended = timeout(Duration::from_secs(20), reading).await;

                assert!(ended.is_ok(), "{listener}: still open");
                assert_eq!(said.starts_with(b"HTTP/1.1 200"), answered, "{listener}");
            }
        }
    }
    assert_sound(&ca);
}

/// How long an answer may take a busy machine that is not waiting for a body.
const ANSWERED: Duration = Duration::from_secs(15);
const MOST_MIB: u64 = 60;
