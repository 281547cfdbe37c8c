//! Connections that misbehave end, and take nothing from others.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::Command;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use ca_tests::{RawAcme, TestCa};
use futures_util::future::join_all;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

static CA: LazyLock<TestCa> = LazyLock::new(TestCa::quickstart);

#[tokio::test]
async fn a_body_that_drips_is_cut_off() {
    let mut stream = connect_tls().await;
    let head = "POST /acme/default/new-order HTTP/1.1\r\nHost: localhost\r\n\
                Content-Type: application/jose+json\r\nContent-Length: 1000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();

    let answer = drip(stream, b" ").await;

    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 408"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_header_that_drips_is_cut_off() {
    let mut stream = connect_tls().await;
    let head = "GET /acme/default/directory HTTP/1.1\r\nHost: localhost\r\nX: ";
    stream.write_all(head.as_bytes()).await.unwrap();

    let answer = drip(stream, b"x").await;

    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
        "{answer}"
    );
}

#[tokio::test]
async fn an_ocsp_request_that_drips_is_cut_off() {
    let mut stream = TcpStream::connect(CA.address("pki")).await.unwrap();
    let head = "POST /ocsp/tls HTTP/1.1\r\nHost: localhost\r\n\
                Content-Type: application/ocsp-request\r\nContent-Length: 1000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();

    let answer = drip(stream, b"0").await;

    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_connection_that_never_speaks_tls_is_cut_off() {
    let silent = TcpStream::connect(CA.address("public")).await.unwrap();
    let mut plain = TcpStream::connect(CA.address("public")).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();

    for mut stream in [silent, plain] {
        // The server may reset the connection instead of closing it.
        let ended = timeout(LONGEST, stream.read_to_end(&mut Vec::new())).await;

        assert!(ended.is_ok(), "still open after {LONGEST:?}");
    }
}

#[tokio::test]
async fn hundreds_of_idle_connections_keep_nobody_out() {
    let client = RawAcme::registered(&CA).await;
    let address = CA.address("public");
    let mut idle = Vec::new();
    for _ in 0..300 {
        idle.push(TcpStream::connect(&address).await.unwrap());
    }
    let handshaken = join_all((0..50).map(|_| connect_tls())).await;

    let begun = Instant::now();
    client.obtain(&["not-starved.example.internal"]).await;

    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    drop((idle, handshaken));
}

#[tokio::test]
async fn headers_without_end_are_refused() {
    let mut stream = connect_tls().await;
    let header = format!("X-Long: {}\r\n", "x".repeat(8_000));
    let head = format!(
        "GET /acme/default/directory HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
        header.repeat(50)
    );

    // The server may stop reading before the end.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = timeout(LONGEST, stream.read_to_end(&mut answer))
        .await
        .unwrap();

    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_body_larger_than_it_says_smuggles_nothing() {
    let mut stream = connect_tls().await;
    let requests = "POST /acme/default/new-order HTTP/1.1\r\nHost: localhost\r\n\
                    Content-Type: application/jose+json\r\nContent-Length: 2\r\n\
                    Content-Length: 40\r\nConnection: close\r\n\r\n{}GET /metrics HTTP/1.1\r\n\r\n";
    stream.write_all(requests.as_bytes()).await.unwrap();

    let mut answer = Vec::new();
    let _ = timeout(LONGEST, stream.read_to_end(&mut answer))
        .await
        .unwrap();

    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
}

#[test]
fn http_2_and_1_1_are_both_spoken() {
    let url = CA.directory_url("default");

    for (option, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let said = ca_tests::server::run(
            Command::new("curl")
                .args(["--silent", "--show-error", "--output", "/dev/null", option])
                .args(["--write-out", "%{http_version} %{http_code}", "--cacert"])
                .arg(CA.root_file())
                .arg(&url),
        );

        assert_eq!(said, format!("{version} 200"));
    }
}

#[test]
fn old_versions_of_tls_are_refused() {
    for (option, spoken) in [("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)] {
        let output = ca_tests::openssl::run_with(
            &[
                "s_client",
                "-connect",
                &CA.address("public"),
                option,
                "-cipher",
                "ALL:@SECLEVEL=0",
            ],
            b"",
        );

        let said = String::from_utf8_lossy(&output.stdout);
        let established = said.contains("BEGIN CERTIFICATE");
        assert_eq!(established, spoken, "{option}: {said}");
    }
}

#[tokio::test]
async fn the_servers_own_certificate_is_its_own_ca_s() {
    let chain = ca_tests::openssl::run_with(
        &[
            "s_client",
            "-connect",
            &CA.address("public"),
            "-showcerts",
            "-servername",
            "localhost",
        ],
        b"",
    );
    let said = String::from_utf8_lossy(&chain.stdout);
    let begin = said.find("-----BEGIN").unwrap();
    let end = said.rfind("-----END CERTIFICATE-----").unwrap();
    let (_, rest) = said.split_at(begin);
    let (pem, _) = rest.split_at(end - begin + "-----END CERTIFICATE-----".len());

    ca_tests::openssl::verify_chain(&CA.root_file(), pem);

    let text = ca_tests::openssl::certificate_text(pem);
    assert!(text.contains("DNS:localhost"), "{text}");
    assert!(text.contains("IP Address:127.0.0.1"), "{text}");
}

/// Sends an octet each half second until the server ends the connection, and returns its answer.
async fn drip(stream: impl AsyncRead + AsyncWrite, octet: &[u8]) -> String {
    let (mut read, mut write) = tokio::io::split(stream);
    let answer = async {
        let mut answer = Vec::new();
        // A reset says the same as an end.
        let _ = read.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    let dripping = async {
        let mut pace = tokio::time::interval(Duration::from_millis(500));
        loop {
            pace.tick().await;
            if write.write_all(octet).await.is_err() || write.flush().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        answer = answer => answer,
        () = dripping => unreachable!("drips without end"),
        () = tokio::time::sleep(LONGEST) => panic!("still open after {LONGEST:?}"),
    }
}

async fn connect_tls() -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(CA.address("public")).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    CONNECTOR.connect(name, stream).await.unwrap()
}

static CONNECTOR: LazyLock<TlsConnector> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_file(CA.root_file()).unwrap();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
});

/// A request may take half a minute, a connection may stand still for a minute.
const LONGEST: Duration = Duration::from_secs(75);
