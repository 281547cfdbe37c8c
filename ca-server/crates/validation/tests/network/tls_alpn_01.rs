//! tls-alpn-01 (RFC 8737).

use ca_acme::authorization::ChallengeKind::TlsAlpn01;
use ca_acme::{Problem, ProblemKind, Validator};
use rcgen::{
    CustomExtension, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ECDSA_P521_SHA512, PKCS_ED25519,
};

use crate::dns_server::Zone;
use crate::http_server::{Answer, HttpServer};
use crate::tls_server::{Identity, TlsServer, acme_identifier};
use crate::world::{KEY_AUTHORIZATION, World, attempt, detail, kind};

const PROTOCOL: Option<&str> = Some("acme-tls/1");

async fn outcome_of(server: &TlsServer, kind: &str, value: &str) -> Result<(), Problem> {
    let zone = Zone::default().address("a.test", "127.0.0.1");
    let port = server.address.port();
    let world = World::new(zone, |settings| settings.tls_alpn_port = port).await;
    world
        .validator
        .validate(&attempt(TlsAlpn01, kind, value))
        .await
}

async fn outcome_with(identity: Identity) -> Result<(), Problem> {
    let server = TlsServer::start(identity, PROTOCOL).await;
    outcome_of(&server, "dns", "a.test").await
}

#[tokio::test]
async fn accepts_the_certificate_over_tls_1_2_and_1_3() {
    for versions in [[&rustls::version::TLS12], [&rustls::version::TLS13]] {
        let identity = Identity::proof("a.test", KEY_AUTHORIZATION);
        let server = TlsServer::start_with(identity, PROTOCOL, &versions).await;

        let outcome = outcome_of(&server, "dns", "a.test").await;

        assert_eq!(outcome, Ok(()), "{versions:?}");
        assert_eq!(server.names_asked(), ["a.test"]);
    }
}

#[tokio::test]
async fn accepts_keys_of_every_usual_kind() {
    for algorithm in [
        &PKCS_ECDSA_P384_SHA384,
        &PKCS_ECDSA_P521_SHA512,
        &PKCS_ED25519,
    ] {
        let key = KeyPair::generate_for(algorithm).expect("a key");
        let extensions = vec![acme_identifier(KEY_AUTHORIZATION)];

        let outcome = outcome_with(Identity::of_key(key, &["A.test"], extensions)).await;

        assert_eq!(outcome, Ok(()), "{algorithm:?}");
    }
}

#[tokio::test]
async fn accepts_rsa_keys_over_both_versions() {
    for versions in [[&rustls::version::TLS12], [&rustls::version::TLS13]] {
        let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048);
        let extensions = vec![acme_identifier(KEY_AUTHORIZATION)];
        let identity = Identity::of_key(key.expect("a key"), &["a.test"], extensions);
        let server = TlsServer::start_with(identity, PROTOCOL, &versions).await;

        assert_eq!(
            outcome_of(&server, "dns", "a.test").await,
            Ok(()),
            "{versions:?}"
        );
    }
}

#[tokio::test]
async fn proves_an_address_by_its_reverse_name() {
    let identity = Identity::proof("127.0.0.1", KEY_AUTHORIZATION);
    let server = TlsServer::start(identity, PROTOCOL).await;

    let outcome = outcome_of(&server, "ip", "127.0.0.1").await;

    assert_eq!(outcome, Ok(()));
    assert_eq!(server.names_asked(), ["1.0.0.127.in-addr.arpa"]);
}

#[tokio::test]
async fn refuses_a_server_that_does_not_speak_the_protocol() {
    for protocol in [None, Some("http/1.1"), Some("acme-tls/2")] {
        let identity = Identity::proof("a.test", KEY_AUTHORIZATION);
        let server = TlsServer::start(identity, protocol).await;

        let outcome = outcome_of(&server, "dns", "a.test").await;

        assert_eq!(kind(&outcome), Some(ProblemKind::Tls), "{protocol:?}");
        assert!(detail(outcome).contains("acme-tls/1"), "{protocol:?}");
    }
}

#[tokio::test]
async fn refuses_names_other_than_the_identifier_alone() {
    let proof = || vec![acme_identifier(KEY_AUTHORIZATION)];
    for names in [
        &["b.test"] as &[&str],
        &["a.test", "b.test"],
        &["a.test", "127.0.0.1"],
        &["127.0.0.1"],
        &["*.test"],
        &[],
    ] {
        let outcome = outcome_with(Identity::self_signed(names, proof())).await;

        assert_eq!(kind(&outcome), Some(ProblemKind::Unauthorized), "{names:?}");
        assert!(detail(outcome).contains("subjectAltName"), "{names:?}");
    }
}

#[tokio::test]
async fn refuses_the_name_where_the_address_is_wanted() {
    let identity = Identity::proof("a.test", KEY_AUTHORIZATION);
    let server = TlsServer::start(identity, PROTOCOL).await;

    let outcome = outcome_of(&server, "ip", "127.0.0.1").await;

    assert_eq!(kind(&outcome), Some(ProblemKind::Unauthorized));
}

#[tokio::test]
async fn refuses_a_certificate_without_a_right_acme_identifier() {
    let right = || acme_identifier(KEY_AUTHORIZATION);
    let not_critical = || {
        let mut extension = right();
        extension.set_criticality(false);
        extension
    };
    let bare = |content: &[u8]| {
        let id = [1, 3, 6, 1, 5, 5, 7, 1, 31];
        let mut extension = CustomExtension::from_oid_content(&id, content.to_vec());
        extension.set_criticality(true);
        extension
    };
    let digest_alone = right().content().get(2..).expect("32 octets").to_vec();
    let mut trailing = right().content().to_vec();
    trailing.push(0);
    for (extensions, reason) in [
        (vec![], "must have one acmeIdentifier"),
        (vec![right(), right()], "must have one acmeIdentifier"),
        (vec![not_critical()], "critical"),
        (vec![acme_identifier("another")], "is not the SHA-256"),
        (vec![bare(&digest_alone)], "is not the SHA-256"),
        (vec![bare(&trailing)], "is not the SHA-256"),
        (vec![bare(b"")], "is not the SHA-256"),
    ] {
        let outcome = outcome_with(Identity::self_signed(&["a.test"], extensions)).await;

        assert_eq!(kind(&outcome), Some(ProblemKind::Unauthorized), "{reason}");
        assert!(detail(outcome).contains(reason), "{reason}");
    }
}

#[tokio::test]
async fn refuses_a_certificate_that_another_key_signed() {
    let outcome = outcome_with(Identity::signed_by_another("a.test", KEY_AUTHORIZATION)).await;

    assert_eq!(kind(&outcome), Some(ProblemKind::Unauthorized));
    assert!(detail(outcome).contains("self-signed"));
}

#[tokio::test]
async fn refuses_a_server_without_the_certificates_key() {
    for versions in [[&rustls::version::TLS12], [&rustls::version::TLS13]] {
        let stolen = Identity::proof("a.test", KEY_AUTHORIZATION)
            .with_key_of(Identity::proof("a.test", KEY_AUTHORIZATION));
        let server = TlsServer::start_with(stolen, PROTOCOL, &versions).await;

        let outcome = outcome_of(&server, "dns", "a.test").await;

        assert_eq!(kind(&outcome), Some(ProblemKind::Tls), "{versions:?}");
        assert!(detail(outcome).contains("possession"), "{versions:?}");
    }
}

#[tokio::test]
async fn refuses_what_is_not_tls() {
    let server = HttpServer::start("127.0.0.1", |_| Answer::status(200, "")).await;
    let zone = Zone::default().address("a.test", "127.0.0.1");
    let port = server.address.port();
    let world = World::new(zone, |settings| settings.tls_alpn_port = port).await;

    let outcome = world
        .validator
        .validate(&attempt(TlsAlpn01, "dns", "a.test"))
        .await;

    assert_eq!(kind(&outcome), Some(ProblemKind::Tls));
}
