//! That nothing is dialled but what the operator listed.

use ca_acme::authorization::ChallengeKind::{self, Http01, TlsAlpn01};
use ca_acme::{ProblemKind, Validator};
use ca_validation::NetworkValidator;
use hickory_proto::rr::RecordType;

use crate::dns_server::Zone;
use crate::http_server::{Answer, HttpServer};
use crate::world::{KEY_AUTHORIZATION, World, at_http, attempt, detail, kind, settings};

async fn is_dialled(challenge: ChallengeKind, address: &str, networks: &[&str]) -> bool {
    let server = HttpServer::start("127.0.0.1", |_| Answer::status(200, KEY_AUTHORIZATION)).await;
    let zone = Zone::default().address("a.test", address);
    let at_http = at_http(server.address);
    let world = World::new(zone, |settings| {
        at_http(settings);
        let networks = networks.iter().map(|text| text.parse().expect("a network"));
        settings.allow_networks = networks.collect();
    })
    .await;
    let outcome = world
        .validator
        .validate(&attempt(challenge, "dns", "a.test"))
        .await;
    let was_forbidden = outcome.as_ref().is_err_and(|problem| {
        problem.kind == ProblemKind::Connection && problem.detail.contains("may dial")
    });
    assert_eq!(was_forbidden, server.requests().is_empty(), "{outcome:?}");
    !was_forbidden
}

#[tokio::test]
async fn dials_loopback_only_where_it_is_listed() {
    for challenge in [Http01, TlsAlpn01] {
        assert!(!is_dialled(challenge, "127.0.0.1", &[]).await);
        assert!(!is_dialled(challenge, "127.0.0.1", &["0.0.0.0/0", "::/0"]).await);
        assert!(is_dialled(challenge, "127.0.0.1", &["127.0.0.0/8"]).await);
    }
}

#[tokio::test]
async fn dials_a_mapped_address_only_as_the_ipv4_address_it_is() {
    assert!(!is_dialled(Http01, "::ffff:127.0.0.1", &["::/0", "10.0.0.0/8"]).await);
    assert!(is_dialled(Http01, "::ffff:127.0.0.1", &["127.0.0.0/8"]).await);
}

#[tokio::test]
async fn skips_forbidden_addresses_of_a_name_that_has_others() {
    let server = HttpServer::start("127.0.0.1", |_| Answer::status(200, KEY_AUTHORIZATION)).await;
    let zone = Zone::default()
        .address("a.test", "127.0.0.2")
        .address("a.test", "127.0.0.1");
    let at_http = at_http(server.address);
    let world = World::new(zone, |settings| {
        at_http(settings);
        settings.allow_networks = vec!["127.0.0.1/32".parse().expect("a network")];
    })
    .await;

    let outcome = world
        .validator
        .validate(&attempt(Http01, "dns", "a.test"))
        .await;

    assert_eq!(outcome, Ok(()));
}

#[tokio::test]
async fn resolves_a_name_once_and_dials_what_it_judged() {
    let server = HttpServer::start("127.0.0.1", |_| Answer::status(200, KEY_AUTHORIZATION)).await;
    let zone = Zone::default().address("a.test", "127.0.0.1");
    let world = World::new(zone, at_http(server.address)).await;

    let outcome = world
        .validator
        .validate(&attempt(Http01, "dns", "a.test"))
        .await;

    assert_eq!(outcome, Ok(()));
    assert_eq!(world.dns.times_asked("a.test", RecordType::A), 1);
    assert_eq!(world.dns.times_asked("a.test", RecordType::AAAA), 1);
}

#[tokio::test]
async fn asks_anew_each_time() {
    let server = HttpServer::start("127.0.0.1", |_| Answer::status(200, KEY_AUTHORIZATION)).await;
    let zone = Zone::default().address("a.test", "127.0.0.1");
    let world = World::new(zone, at_http(server.address)).await;

    for _time in 0..2 {
        let outcome = world
            .validator
            .validate(&attempt(Http01, "dns", "a.test"))
            .await;
        assert_eq!(outcome, Ok(()));
    }

    assert_eq!(world.dns.times_asked("a.test", RecordType::A), 2);
}

#[tokio::test]
async fn refuses_a_forbidden_address_identifier() {
    let world = World::new(Zone::default(), |settings| settings.allow_networks.clear()).await;

    let outcome = world
        .validator
        .validate(&attempt(Http01, "ip", "127.0.0.1"))
        .await;

    assert_eq!(kind(&outcome), Some(ProblemKind::Connection));
    assert!(detail(outcome).contains("allow_networks"));
}

#[tokio::test]
async fn knows_localhost_without_any_dns_server() {
    let server = HttpServer::start("127.0.0.1", |_| Answer::status(200, KEY_AUTHORIZATION)).await;
    let mut settings = settings();
    at_http(server.address)(&mut settings);
    let validator = NetworkValidator::new(settings);

    for name in ["localhost", "a.localhost"] {
        let outcome = validator.validate(&attempt(Http01, "dns", name)).await;

        assert_eq!(outcome, Ok(()), "{name}");
    }
}
