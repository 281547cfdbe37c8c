//! From an order to a certificate, as clients see it.

use std::sync::LazyLock;

use ca_tests::{RawAcme, TestCa, openssl};

static CA: LazyLock<TestCa> = LazyLock::new(TestCa::quickstart);

#[tokio::test]
async fn issues_a_certificate_that_openssl_verifies() {
    let client = RawAcme::registered(&CA).await;

    let issued = client.obtain(&["first.example.internal"]).await;

    openssl::verify_chain(&CA.root_file(), &issued.chain_pem);
}

#[tokio::test]
async fn issues_for_a_wildcard_and_its_base() {
    let client = RawAcme::registered(&CA).await;

    let issued = client
        .obtain(&["*.wild.example.internal", "wild.example.internal"])
        .await;

    let text = openssl::certificate_text(&issued.chain_pem);
    assert!(
        text.contains("DNS:*.wild.example.internal, DNS:wild.example.internal"),
        "{text}"
    );
}
