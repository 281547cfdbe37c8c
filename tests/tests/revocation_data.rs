//! CRLs and OCSP over HTTP, judged by openssl (RFC 5280, RFC 6960, RFC 5019, RFC 9654).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ca_tests::acme::{Answer, Issued};
use ca_tests::relying_party::{crl_text, fetch, ocsp, ocsp_request, ocsp_text};
use ca_tests::{RawAcme, TestCa, openssl};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

static CA: LazyLock<TestCa> = LazyLock::new(TestCa::quickstart);

#[tokio::test]
async fn ocsp_shows_a_revocation_at_once_with_its_reason() {
    let (client, issued) = issue(&CA, "at-once.example.internal").await;
    let before = ocsp(&CA, &issued.chain_pem, &[]);

    client
        .revoke(&issued.leaf_der(), Some(1))
        .await
        .expect_status(200);
    let after = ocsp(&CA, &issued.chain_pem, &[]);

    for said in [&before, &after] {
        assert!(said.contains("Response verify OK"), "{said}");
        assert!(!said.contains("WARNING"), "the nonce comes back: {said}");
    }
    assert!(before.contains(": good"), "{before}");
    assert!(after.contains(": revoked"), "{after}");
    assert!(after.contains("Reason: keyCompromise"), "{after}");
}

#[tokio::test]
async fn the_crl_shows_a_revocation_within_five_seconds() {
    let (client, issued) = issue(&CA, "in-seconds.example.internal").await;
    let before = crl_text(&CA, "tls").await;

    client
        .revoke(&issued.leaf_der(), Some(4))
        .await
        .expect_status(200);
    let entry = wait_for_entry(&CA, &issued).await;

    assert!(!before.contains(&issued.serial()), "{before}");
    assert!(entry.contains("Superseded"), "{entry}");
}

#[tokio::test]
async fn crl_numbers_and_burnt_entries_survive_restarts_of_both_kinds() {
    let ca = TestCa::quickstart();
    let mut numbers = vec![crl_number(&ca).await];
    let mut revoked = Vec::new();

    for name in ["one.example.internal", "two.example.internal"] {
        let (client, issued) = issue(&ca, name).await;
        client
            .revoke(&issued.leaf_der(), Some(1))
            .await
            .expect_status(200);
        wait_for_entry(&ca, &issued).await;
        numbers.push(crl_number(&ca).await);
        if revoked.is_empty() {
            ca.restart();
        } else {
            ca.kill();
            ca.start();
        }
        numbers.push(crl_number(&ca).await);
        revoked.push(issued);
    }

    let text = crl_text(&ca, "tls").await;
    for issued in &revoked {
        assert!(text.contains(&issued.serial()), "{text}");
        assert!(ocsp(&ca, &issued.chain_pem, &[]).contains(": revoked"));
    }
    // A restart may serve the same list again, never an older one.
    assert!(numbers.is_sorted(), "{numbers:?}");
    assert!(
        numbers[0] < numbers[1] && numbers[2] < numbers[3],
        "{numbers:?}"
    );
}

#[tokio::test]
async fn ocsp_takes_either_hash_and_several_certificates() {
    let (client, first) = issue(&CA, "first.example.internal").await;
    let (_, second) = issue(&CA, "second.example.internal").await;
    client.revoke(&second.leaf_der(), None).await;
    let client = RawAcme::registered(&CA).await;
    let third = client.obtain(&["third.example.internal"]).await;
    client
        .revoke(&third.leaf_der(), None)
        .await
        .expect_status(200);
    let other = openssl::file_with(third.chain_pem.as_bytes());
    let other = other.path().display().to_string();

    let by_sha256 = ocsp(&CA, &first.chain_pem, &["-sha256"]);
    let several = ocsp(&CA, &first.chain_pem, &["-sha1", "-cert", &other]);

    assert!(by_sha256.contains("Response verify OK"), "{by_sha256}");
    assert!(by_sha256.contains(": good"), "{by_sha256}");
    assert!(
        several.contains(": good") && several.contains(": revoked"),
        "{several}"
    );
}

#[tokio::test]
async fn ocsp_vouches_for_nothing_that_it_never_issued() {
    let (_, issued) = issue(&CA, "known.example.internal").await;
    let root = CA.root_file().display().to_string();
    let foreign = ["-issuer", &root, "-serial", "1"];

    let unknown = ocsp(&CA, &issued.chain_pem, &["-serial", "0x123456"]);
    let foreign = post(&ocsp_request(&foreign)).await;

    assert!(
        unknown.contains("0x123456: unknown") || unknown.contains("unauthorized"),
        "{unknown}"
    );
    assert!(!unknown.contains("0x123456: good"), "{unknown}");
    let foreign = ocsp_text(&CA, &foreign.expect_status(200).body);
    assert!(foreign.contains("unauthorized"), "{foreign}");
}

#[tokio::test]
async fn ocsp_answers_get_with_what_caches_need() {
    let (_, issued) = issue(&CA, "cached.example.internal").await;
    let url = get_url(&request_for(&issued, &["-no_nonce"]));

    let first = get(&url, &[]).await.expect_status(200);
    let again = get(&url, &[("if-none-match", first.header("etag").unwrap())]).await;

    assert_eq!(
        first.header("content-type"),
        Some("application/ocsp-response")
    );
    let caching = first.header("cache-control").unwrap();
    assert!(
        caching.contains("max-age=") && caching.contains("public"),
        "{caching}"
    );
    for header in ["etag", "last-modified", "expires"] {
        assert!(first.header(header).is_some(), "{header}");
    }
    assert_eq!(again.status, 304);
    let text = ocsp_text(&CA, &first.body);
    assert!(text.contains("Response verify OK"), "{text}");
    assert!(text.contains("Cert Status: good"), "{text}");
    assert!(text.contains("Next Update"), "{text}");
    assert!(text.contains("OCSP No Check"), "{text}");
}

#[tokio::test]
async fn ocsp_echoes_the_nonce_and_lets_nobody_keep_it() {
    let (_, issued) = issue(&CA, "nonce.example.internal").await;
    let request = request_for(&issued, &["-nonce"]);

    let answer = post(&request).await.expect_status(200);

    let nonce = nonce_in(&openssl_request_text(&request));
    assert_eq!(nonce_in(&ocsp_text(&CA, &answer.body)), nonce);
    let caching = answer.header("cache-control").unwrap();
    assert!(caching.contains("no-store"), "{caching}");
}

#[tokio::test]
async fn ocsp_answers_nginx_over_http_1_0() {
    let (_, issued) = issue(&CA, "nginx.example.internal").await;
    let url = get_url(&request_for(&issued, &["-no_nonce"]));
    let (_, path) = url.split_at(url.find("/ocsp/").unwrap());
    // nginx escapes each character of base64 that is special in URLs.
    let path = path.replace('+', "%2B").replace('=', "%3D");
    let address = CA.address("pki");

    let mut stream = TcpStream::connect(&address).await.unwrap();
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();

    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    assert!(
        head.starts_with("HTTP/1.0 200") || head.starts_with("HTTP/1.1 200"),
        "{head}"
    );
    let text = ocsp_text(&CA, &answer[end + 4..]);
    assert!(text.contains("Cert Status: good"), "{text}");
}

#[tokio::test]
async fn ocsp_refuses_what_is_no_request() {
    let empty = post(b"").await.expect_status(200);
    let garbage = post(b"\x30\x03\x02\x01\x00").await.expect_status(200);
    let in_path = get(&CA.plain_url("pki", "/ocsp/tls/AAAA"), &[]).await;
    let large = post(&vec![0x30; 1 << 20]).await;
    let url = CA.plain_url("pki", "/ocsp/tls");
    let typed = reqwest::Client::new()
        .post(&url)
        .header("content-type", "text/plain");
    let typed = typed.body("x").send().await.unwrap();

    for answer in [empty, garbage, in_path] {
        let text = ocsp_text(&CA, &answer.body);
        assert!(text.contains("malformedrequest"), "{text}");
    }
    assert!([200, 413].contains(&large.status), "{}", large.status);
    assert_eq!(typed.status(), 415);
}

#[tokio::test]
async fn the_crl_is_served_in_both_forms_with_what_caches_need() {
    let der_url = CA.plain_url("pki", "/crl/tls.crl");
    let pem_url = CA.plain_url("pki", "/crl/tls.pem");

    let der = get(&der_url, &[]).await.expect_status(200);
    let etag = der.header("etag").unwrap();
    let again = get(&der_url, &[("if-none-match", etag)]).await;
    let pem = get(&pem_url, &[]).await.expect_status(200);

    assert_eq!(der.header("content-type"), Some("application/pkix-crl"));
    assert!(der.header("cache-control").unwrap().contains("max-age="));
    assert!(der.header("last-modified").is_some() && der.header("expires").is_some());
    // Somebody else's test may have revoked in between.
    assert!([200, 304].contains(&again.status));
    assert!(pem.text().starts_with("-----BEGIN X509 CRL-----"));
    let text = crl_text(&CA, "tls").await;
    for part in [
        "Version 2",
        "X509v3 CRL Number",
        "X509v3 Authority Key Identifier",
        "Next Update",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn one_file_has_the_lists_of_every_ca_in_the_chain() {
    let all = fetch(&CA.plain_url("pki", "/crl/all.pem")).await;
    let (_, issued) = issue(&CA, "all-crls.example.internal").await;
    let leaf = openssl::file_with(issued.chain_pem.as_bytes());
    let crls = openssl::file_with(&all);
    let root = CA.root_file().display().to_string();
    let (leaf, crls) = (
        leaf.path().display().to_string(),
        crls.path().display().to_string(),
    );

    // Every certificate below the root is looked up: a missing or expired list fails this.
    openssl::run(&[
        "verify",
        "-crl_check_all",
        "-x509_strict",
        "-CAfile",
        &root,
        "-CRLfile",
        &crls,
        "-untrusted",
        &leaf,
        &leaf,
    ]);

    assert_eq!(
        String::from_utf8(all)
            .unwrap()
            .matches("BEGIN X509 CRL")
            .count(),
        2
    );
}

#[tokio::test]
async fn verifiers_that_check_lists_refuse_a_revoked_leaf() {
    let (client, issued) = issue(&CA, "refused.example.internal").await;
    client
        .revoke(&issued.leaf_der(), None)
        .await
        .expect_status(200);
    wait_for_entry(&CA, &issued).await;
    let crls = openssl::file_with(&fetch(&CA.plain_url("pki", "/crl/all.pem")).await);
    let leaf = openssl::file_with(issued.chain_pem.as_bytes());
    let leaf = leaf.path().display().to_string();

    let output = openssl::run_with(
        &[
            "verify",
            "-crl_check_all",
            "-CAfile",
            &CA.root_file().display().to_string(),
            "-CRLfile",
            &crls.path().display().to_string(),
            "-untrusted",
            &leaf,
            &leaf,
        ],
        b"",
    );

    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("certificate revoked"), "{said}");
}

#[tokio::test]
async fn issuers_and_roots_are_where_certificates_say() {
    let (_, issued) = issue(&CA, "aia.example.internal").await;
    let text = openssl::certificate_text(&issued.chain_pem);
    let begin = text.find("CA Issuers - URI:").unwrap() + "CA Issuers - URI:".len();
    let url = text[begin..].lines().next().unwrap();

    let issuer = get(url, &[]).await.expect_status(200);
    let roots = get(&CA.plain_url("pki", "/roots.pem"), &[])
        .await
        .expect_status(200);

    assert_eq!(issuer.header("content-type"), Some("application/pkix-cert"));
    let pem = openssl::run_with(&["x509", "-inform", "DER"], &issuer.body);
    let expected = std::fs::read_to_string(CA.issuer_file()).unwrap();
    assert_eq!(
        String::from_utf8(pem.stdout).unwrap().trim(),
        expected.trim()
    );
    assert_eq!(
        roots.text().trim(),
        std::fs::read_to_string(CA.root_file()).unwrap().trim()
    );
}

#[tokio::test]
async fn paths_that_do_not_exist_are_not_found() {
    for path in [
        "/",
        "/crl/",
        "/crl/nobody.crl",
        "/crl/tls",
        "/crl/tls.txt",
        "/crl/..%2f..%2fca-server.toml",
        "/ocsp/nobody/MAA=",
        "/issuers/nobody.cer",
        "/acme/default/directory",
        "/metrics",
    ] {
        let answer = get(&CA.plain_url("pki", path), &[]).await;

        assert_eq!(answer.status, 404, "{path}");
    }
}

async fn issue<'ca>(ca: &'ca TestCa, name: &str) -> (RawAcme<'ca>, Issued) {
    let client = RawAcme::registered(ca).await;
    let issued = client.obtain(&[name]).await;
    (client, issued)
}

/// Fetches the CRL until it has the certificate, and returns the entry.
async fn wait_for_entry(ca: &TestCa, issued: &Issued) -> String {
    let deadline = Instant::now() + PUBLISHED;
    let serial = issued.serial();
    loop {
        let text = crl_text(ca, "tls").await;
        if let Some((_, entry)) = text.split_once(&serial) {
            let end = entry.find("Serial Number").unwrap_or(entry.len());
            return entry[..end].to_owned();
        }
        assert!(Instant::now() < deadline, "{serial} is not in {text}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn crl_number(ca: &TestCa) -> u64 {
    let text = crl_text(ca, "tls").await;
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| line.starts_with("X509v3 CRL Number"));
    let number = lines.next().unwrap();
    match number.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).unwrap(),
        None => number.parse().unwrap(),
    }
}

fn request_for(issued: &Issued, options: &[&str]) -> Vec<u8> {
    let leaf = openssl::file_with(issued.chain_pem.as_bytes());
    let (leaf, issuer) = (leaf.path().display().to_string(), CA.issuer_file());
    let issuer = issuer.display().to_string();
    ocsp_request(&[options, &["-issuer", &issuer, "-cert", &leaf]].concat())
}

fn openssl_request_text(request: &[u8]) -> String {
    let file = openssl::file_with(request);
    openssl::run(&[
        "ocsp",
        "-req_text",
        "-reqin",
        &file.path().display().to_string(),
    ])
}

fn nonce_in(text: &str) -> String {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| line.starts_with("OCSP Nonce"));
    lines.next().unwrap().to_owned()
}

fn get_url(request: &[u8]) -> String {
    let encoded = STANDARD.encode(request).replace('/', "%2F");
    CA.plain_url("pki", &format!("/ocsp/tls/{encoded}"))
}

async fn get(url: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = reqwest::Client::new().get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::from(request.send().await.unwrap()).await
}

async fn post(body: &[u8]) -> Answer {
    let request = reqwest::Client::new()
        .post(CA.plain_url("pki", "/ocsp/tls"))
        .header("content-type", "application/ocsp-request")
        .body(body.to_vec());
    Answer::from(request.send().await.unwrap()).await
}

/// A CRL follows a revocation within seconds; a busy machine takes longer, and the next CRL by
/// schedule hours.
const PUBLISHED: Duration = Duration::from_secs(30);
