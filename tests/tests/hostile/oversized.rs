//! Too much of everything, to each listener that takes it.

use ca_tests::acme::base64url;
use ca_tests::{RawAcme, TestCa};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, split};

use super::world::{
    assert_sound, connect, connect_tls, peak_mib, serve_somebody, unlimited, until_ended,
};

/// Sends octets, which a server may stop reading, and returns the answer's status.
async fn said(stream: impl AsyncRead + AsyncWrite, octets: &[u8]) -> String {
    let (read, mut write) = split(stream);
    let writing = async {
        let _ = write.write_all(octets).await;
        let _ = write.flush().await;
    };
    let ((), said) = tokio::join!(writing, until_ended(read));
    let said = String::from_utf8_lossy(&said).into_owned();
    said.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// A request, whole, after which the connection ends.
fn request(first: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "{first} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\
         {headers}\r\n{body}"
    )
    .into_bytes()
}

async fn at(ca: &TestCa, listener: &str, octets: &[u8]) -> String {
    match listener {
        "public" => said(connect_tls(ca, 1, "http/1.1").await, octets).await,
        _ => said(connect(ca, listener, 1).await.unwrap(), octets).await,
    }
}

#[tokio::test]
async fn too_much_of_anything_is_refused_and_costs_no_memory() {
    let ca = unlimited();
    serve_somebody(&ca).await;
    let before = peak_mib(&ca);
    let long = "x".repeat(1 << 20);
    let jose = "Content-Type: application/jose+json\r\n";
    let ocsp = "Content-Type: application/ocsp-request\r\n";
    let large = "x".repeat(8 << 20);
    let order = "POST /acme/default/new-order";
    let cases = [
        ("public", request(&format!("GET /{long}"), "", "")),
        ("pki", request(&format!("GET /ocsp/tls/{long}"), "", "")),
        ("ops", request(&format!("GET /{long}"), "", "")),
        ("public", request("GET /", &format!("X: {long}\r\n"), "")),
        (
            "pki",
            request("GET /roots.pem", &format!("X: {long}\r\n"), ""),
        ),
        (
            "ops",
            request("GET /healthz", &"X: y\r\n".repeat(20_000), ""),
        ),
        ("public", request(order, jose, &large)),
        ("public", request("POST /api/v1/certificates", "", &large)),
        ("pki", request("POST /ocsp/tls", ocsp, &large)),
        ("ops", request("POST /healthz", "", &large)),
        ("public", endless_chunk(order, jose)),
        ("pki", endless_chunk("POST /ocsp/tls", ocsp)),
    ];

    for (listener, octets) in &cases {
        let status = at(&ca, listener, octets).await;

        let first = String::from_utf8_lossy(&octets[..40]).into_owned();
        // Where the end of the connection overtook the answer there is none.
        assert!(
            status.is_empty() || status.starts_with('4'),
            "{listener} {first}: {status}"
        );
    }
    serve_somebody(&ca).await;
    let grown = peak_mib(&ca) - before;
    assert!(grown < MOST_MIB, "{grown} MiB more");
    assert_sound(&ca);
}

/// A body of one chunk that says it has more octets than there are.
fn endless_chunk(first: &str, headers: &str) -> Vec<u8> {
    let head = format!(
        "{first} HTTP/1.1\r\nHost: localhost\r\n{headers}Transfer-Encoding: chunked\r\n\r\n\
         ffffffffffffffff\r\n"
    );
    [head.into_bytes(), vec![b'x'; 4 << 20]].concat()
}

#[tokio::test]
async fn requests_of_absurd_depth_and_width_are_refused_as_malformed() {
    let ca = unlimited();
    let client = RawAcme::registered(&ca).await;
    let orders = client.url("newOrder");
    let deep = "[".repeat(20_000);
    let names: Vec<_> = (0..2_000)
        .map(|number| json!({"type": "dns", "value": format!("n{number}.test")}))
        .collect();
    let header = base64url(format!("{{\"alg\":{deep}").as_bytes());
    let nested = format!(r#"{{"protected":"{header}","payload":"","signature":""}}"#);
    let bodies = [
        nested,
        deep.clone(),
        "{\"a\":".repeat(10_000),
        format!("{{\"protected\":\"{}\"}}", "A".repeat(60_000)),
    ];

    for body in &bodies {
        let post = client.http().post(&orders).body(body.clone());
        let post = post.header("content-type", "application/jose+json");
        let answer = post.send().await.unwrap();
        assert_eq!(answer.status(), 400, "{}", &body[..40]);
    }
    let wide = client.post(&orders, &json!({"identifiers": names})).send();
    let status = wide.await.status;
    assert!(status == 400 || status == 413, "{status}");
    serve_somebody(&ca).await;
    assert_sound(&ca);
}

const MOST_MIB: u64 = 60;
