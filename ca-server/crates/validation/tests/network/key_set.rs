//! Key sets of token issuers.

use std::time::Duration;

use ca_identity::oidc::{KeySource, KeysUnavailable};
use ca_validation::{JwksFetcher, JwksFetcherFault, Settings};
use ipnet::IpNet;
use url::Url;

use crate::dns_server::{DnsServer, Zone};
use crate::https_server::{HttpsServer, Time};
use crate::world::settings;

const KEYS: &str = r#"{"keys":[]}"#;

fn answer(status: u16, field: &str, body: &[u8]) -> Option<Vec<u8>> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Status\r\n{field}\r\nContent-Length: {length}\r\n\r\n");
    Some([head.as_bytes(), body].concat())
}

fn json(body: &str) -> Option<Vec<u8>> {
    answer(200, "Content-Type: application/json", body.as_bytes())
}

/// Fetches from the server as `keys.test`, its root trusted.
async fn fetched(server: &HttpsServer) -> Result<String, KeysUnavailable> {
    fetched_with(server, Some(&server.root), |_settings| ()).await
}

async fn fetched_with(
    server: &HttpsServer,
    roots: Option<&str>,
    adjust: impl FnOnce(&mut Settings),
) -> Result<String, KeysUnavailable> {
    fetched_in(server, roots, &[], adjust).await
}

async fn fetched_in(
    server: &HttpsServer,
    roots: Option<&str>,
    networks: &[IpNet],
    adjust: impl FnOnce(&mut Settings),
) -> Result<String, KeysUnavailable> {
    let zone = Zone::default().address("keys.test", "127.0.0.1");
    let dns = DnsServer::start(zone).await;
    let mut settings = settings();
    settings.resolvers = vec![dns.address];
    adjust(&mut settings);
    let port = server.address.port();
    let url = format!("https://keys.test:{port}/oauth/keys?v=1");
    let url = Url::parse(&url).expect("a URL");
    let fetcher = JwksFetcher::new(&settings, url, roots.map(str::as_bytes), networks);
    fetcher.expect("a fetcher").fetch().await
}

fn net(text: &str) -> IpNet {
    text.parse().expect("a network")
}

fn reason(outcome: Result<String, KeysUnavailable>) -> String {
    outcome.expect_err("no key set").0
}

#[tokio::test]
async fn reads_the_key_set_and_says_who_asks() {
    let server = HttpsServer::start("keys.test", Time::Now, json(KEYS)).await;

    let outcome = fetched(&server).await;

    assert_eq!(outcome.as_deref(), Ok(KEYS));
    let requests = server.requests();
    let [head] = requests.as_slice() else {
        panic!("one request, not {requests:?}");
    };
    assert!(
        head.starts_with("GET /oauth/keys?v=1 HTTP/1.1\r\n"),
        "{head}"
    );
    let host = format!("host: keys.test:{}\r\n", server.address.port());
    assert!(head.contains(&host), "{head}");
    assert!(head.contains("user-agent: ca-server/"), "{head}");
    assert!(!head.contains("authorization"), "{head}");
}

#[tokio::test]
async fn believes_no_server_that_its_roots_do_not_vouch_for() {
    let server = HttpsServer::start("keys.test", Time::Now, json(KEYS)).await;
    let other_name = HttpsServer::start("other.test", Time::Now, json(KEYS)).await;
    let expired = HttpsServer::start("keys.test", Time::Past, json(KEYS)).await;
    let authority = HttpsServer::start_as_authority("keys.test", json(KEYS)).await;

    let by_public_roots = fetched_with(&server, None, |_settings| ()).await;
    let by_namesake = fetched_with(&server, Some(&expired.root), |_settings| ()).await;

    for (outcome, expected) in [
        (by_public_roots, "does not chain to a trusted root"),
        (by_namesake, "does not verify"),
        (fetched(&other_name).await, "is for another name"),
        (fetched(&expired).await, "is out of its time"),
        (fetched(&authority).await, "a CA's own"),
    ] {
        let reason = reason(outcome);
        assert!(reason.contains(expected), "{reason}");
    }
    for server in [server, other_name, expired, authority] {
        assert_eq!(server.requests(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn dials_only_what_the_egress_rules_allow() {
    let server = HttpsServer::start("keys.test", Time::Now, json(KEYS)).await;

    let outcome = fetched_with(&server, Some(&server.root), |settings| {
        settings.allow_networks = vec![net("0.0.0.0/0")];
    })
    .await;

    let reason = reason(outcome);
    assert!(reason.contains("validation.allow_networks"), "{reason}");
    assert!(reason.contains("jwks_networks"), "{reason}");
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn dials_in_networks_of_its_own() {
    let server = HttpsServer::start("keys.test", Time::Now, json(KEYS)).await;
    let nowhere = |settings: &mut Settings| settings.allow_networks.clear();
    let roots = Some(server.root.as_str());

    let within = fetched_in(&server, roots, &[net("127.0.0.0/8")], nowhere).await;
    let everywhere = fetched_in(&server, roots, &[net("0.0.0.0/0")], nowhere).await;
    let elsewhere = fetched_in(&server, roots, &[net("192.0.2.0/24")], nowhere).await;

    assert_eq!(within.as_deref(), Ok(KEYS));
    assert_eq!(server.requests().len(), 1);
    for outcome in [everywhere, elsewhere] {
        assert!(reason(outcome).contains("jwks_networks"));
    }
}

#[tokio::test]
async fn follows_no_redirect() {
    let elsewhere = HttpsServer::start("keys.test", Time::Now, json(KEYS)).await;
    let location = format!("Location: https://keys.test:{}/", elsewhere.address.port());
    let server = HttpsServer::start("keys.test", Time::Now, answer(302, &location, b"")).await;

    let reason = reason(fetched(&server).await);

    assert!(reason.contains("redirect"), "{reason}");
    assert_eq!(elsewhere.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn takes_no_answer_but_a_whole_short_text() {
    let long = "x".repeat(256 * 1024 + 1);
    let cut = Some(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"keys\"".to_vec());
    for (answer, expected) in [
        (answer(503, "X: y", b"{}"), "status 503"),
        (json(&long), "more than 262144 octets"),
        (answer(200, "X: y", b"\xff\xfe"), "not UTF-8"),
        (cut, "closed before the answer was complete"),
        (Some(b"SSH-2.0-nonsense\r\n".to_vec()), "not HTTP/1.1"),
    ] {
        let server = HttpsServer::start("keys.test", Time::Now, answer).await;

        let reason = reason(fetched(&server).await);

        assert!(reason.contains(expected), "{expected}: {reason}");
    }
}

#[tokio::test]
async fn takes_a_key_set_of_the_greatest_size() {
    let padded = format!("{KEYS}{}", " ".repeat(256 * 1024 - KEYS.len()));
    let server = HttpsServer::start("keys.test", Time::Now, json(&padded)).await;

    assert_eq!(
        fetched(&server).await.map(|text| text.len()),
        Ok(256 * 1024)
    );
}

#[tokio::test]
async fn waits_no_longer_than_its_deadline() {
    let server = HttpsServer::start("keys.test", Time::Now, None).await;

    let outcome = fetched_with(&server, Some(&server.root), |settings| {
        settings.key_set_deadline = Duration::from_millis(200);
    })
    .await;

    assert_eq!(reason(outcome), "no whole answer in time");
}

#[test]
fn is_made_only_for_https_and_roots_that_read() {
    let made = |url: &str, roots: Option<&[u8]>| {
        let url = Url::parse(url).expect("a URL");
        JwksFetcher::new(&settings(), url, roots, &[])
    };

    for url in ["http://keys.test/", "file:///keys", "data:,{}"] {
        assert!(
            matches!(made(url, None), Err(JwksFetcherFault::Url)),
            "{url}"
        );
    }
    for roots in [
        "",
        "no PEM",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let outcome = made("https://keys.test/", Some(roots.as_bytes()));
        assert!(matches!(outcome, Err(JwksFetcherFault::Roots)), "{roots}");
    }
}

#[tokio::test]
async fn is_another_source_with_other_roots_or_networks() {
    let servers = [
        HttpsServer::start("keys.test", Time::Now, json(KEYS)).await,
        HttpsServer::start("keys.test", Time::Now, json(KEYS)).await,
    ];
    let named = |roots: Option<&str>, networks: &[IpNet]| {
        let url = Url::parse("https://keys.test/keys").expect("a URL");
        let fetcher = JwksFetcher::new(&settings(), url, roots.map(str::as_bytes), networks);
        fetcher.expect("a fetcher").name()
    };

    let [one, other] = servers.map(|server| named(Some(&server.root), &[]));
    let network = [net("192.0.2.0/24")];

    assert_eq!(named(None, &[]), "https://keys.test/keys");
    assert_eq!(
        named(None, &network),
        "https://keys.test/keys also in 192.0.2.0/24"
    );
    assert_ne!(one, other);
    assert!(one.starts_with("https://keys.test/keys ("), "{one}");
}
