//! Certificates and chains (RFC 8555 §7.4.2, RFC 5280).

use ca_tests::{RawAcme, openssl};

use crate::CA;

#[tokio::test]
async fn serves_leaf_and_issuer_in_the_media_type_that_clients_want() {
    let client = RawAcme::registered(&CA).await;
    let issued = client.obtain(&["chain.example.internal"]).await;
    let url = issued.order.object["certificate"].as_str().unwrap();

    let answer = client.read(url).send().await.expect_status(200);

    assert_eq!(
        answer.header("content-type"),
        Some("application/pem-certificate-chain")
    );
    let pem = answer.text();
    assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 2);
    assert!(pem.ends_with("-----END CERTIFICATE-----\n"));
    openssl::verify_chain(&CA.root_file(), &pem);
}

#[tokio::test]
async fn offers_the_chain_to_another_root_as_alternate() {
    let client = RawAcme::registered(&CA).await;
    let issued = client.obtain(&["alternate.example.internal"]).await;
    let url = issued.order.object["certificate"].as_str().unwrap();
    let default = client.read(url).send().await.expect_status(200);

    let alternates = default.links("alternate");
    let alternate = client.read(&alternates[0]).send().await.expect_status(200);

    assert_eq!(alternates.len(), 1);
    assert_eq!(alternate.links("alternate"), [url]);
    let other_root = CA.folder().join("other-root.pem");
    openssl::verify_chain(&other_root, &alternate.text());
    openssl::verify_chain(&CA.root_file(), &default.text());
}

#[tokio::test]
async fn has_no_chain_beyond_the_last_alternate() {
    let client = RawAcme::registered(&CA).await;
    let issued = client.obtain(&["beyond.example.internal"]).await;
    let url = issued.order.object["certificate"].as_str().unwrap();

    for chain in ["0", "2", "01", "-1", "x", "18446744073709551616"] {
        let answer = client.read(&format!("{url}/{chain}")).send().await;

        assert_eq!(answer.status, 404, "{chain}");
    }
}

#[tokio::test]
async fn issues_leaves_of_the_shape_that_relying_parties_want() {
    let client = RawAcme::registered(&CA).await;

    let issued = client
        .obtain(&["shape.example.internal", "127.0.0.1"])
        .await;

    let text = openssl::certificate_text(&issued.chain_pem);
    for part in [
        "Version: 3",
        "X509v3 Subject Alternative Name: critical",
        "DNS:shape.example.internal, IP Address:127.0.0.1",
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "TLS Web Server Authentication",
        "X509v3 Authority Key Identifier",
        "X509v3 CRL Distribution Points",
        "/crl/tls.crl",
        "OCSP - URI:http://",
        "CA Issuers - URI:http://",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(!text.contains("CA:TRUE"), "{text}");
}

#[tokio::test]
async fn never_gives_a_serial_twice() {
    let client = RawAcme::registered(&CA).await;
    let names = ["serials.example.internal"];
    let mut serials = std::collections::BTreeSet::new();

    for _ in 0..10 {
        serials.insert(client.obtain(&names).await.serial());
    }

    assert_eq!(serials.len(), 10);
    for serial in serials {
        // 64 random bits at least, 20 octets at most, positive.
        assert!((17..=40).contains(&serial.len()), "{serial}");
        assert!(!serial.starts_with('-'), "{serial}");
    }
}
