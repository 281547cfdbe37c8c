//! What those who rely on certificates ask: CRLs and OCSP, judged by openssl.

use std::process::Command;

use crate::openssl;
use crate::server::TestCa;

/// Fetches over plain HTTP.
pub async fn fetch(url: &str) -> Vec<u8> {
    let response = reqwest::get(url).await.expect("the server answers");
    assert_eq!(response.status(), 200, "{url}");
    response.bytes().await.expect("a whole body").to_vec()
}

/// Asks OCSP for the first certificate in a chain and returns everything that openssl says, on
/// both streams. The options stand before the certificate, where openssl wants `-sha256`.
pub fn ocsp(ca: &TestCa, chain_pem: &str, options: &[&str]) -> String {
    let certificate = openssl::file_with(chain_pem.as_bytes());
    let output = Command::new("openssl")
        .args(["ocsp", "-issuer"])
        .arg(ca.issuer_file())
        .args(options)
        .arg("-cert")
        .arg(certificate.path())
        .arg("-CAfile")
        .arg(ca.root_file())
        .args(["-url", &ca.plain_url("pki", "/ocsp/tls")])
        .output()
        .expect("openssl is installed, see tests/install");
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

/// Makes an OCSP request with openssl; the options say about what.
pub fn ocsp_request(options: &[&str]) -> Vec<u8> {
    let file = openssl::file_with(b"");
    let path = file.path().display().to_string();
    openssl::run(&[&["ocsp"], options, &["-reqout", &path]].concat());
    std::fs::read(file.path()).expect("openssl wrote it")
}

/// Returns what openssl says about an OCSP response, its signature checked against the root.
pub fn ocsp_text(ca: &TestCa, response: &[u8]) -> String {
    let file = openssl::file_with(response);
    let output = Command::new("openssl")
        .args(["ocsp", "-resp_text", "-respin"])
        .arg(file.path())
        .arg("-CAfile")
        .arg(ca.root_file())
        .arg("-verify_other")
        .arg(ca.issuer_file())
        .output()
        .expect("openssl is installed, see tests/install");
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

/// Fetches an issuer's CRL and returns openssl's text form of it, its signature checked.
pub async fn crl_text(ca: &TestCa, issuer: &str) -> String {
    let der = fetch(&ca.plain_url("pki", &format!("/crl/{issuer}.crl"))).await;
    let chain = openssl::file_with(&chain_of(ca));
    let chain = chain.path().display().to_string();
    let output = openssl::run_with(
        &[
            "crl", "-inform", "DER", "-noout", "-text", "-CAfile", &chain,
        ],
        &der,
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("verify OK"),
        "openssl refuses the CRL: {said}"
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn chain_of(ca: &TestCa) -> Vec<u8> {
    let read = |file| std::fs::read(file).expect("the CA has its certificates");
    [read(ca.issuer_file()), read(ca.root_file())].concat()
}
