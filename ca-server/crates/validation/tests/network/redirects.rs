//! Redirects of the http-01 resource.

use ca_acme::authorization::ChallengeKind::Http01;
use ca_acme::{Problem, ProblemKind, Validator};

use crate::dns_server::Zone;
use crate::http_server::{Answer, HttpServer};
use crate::world::{KEY_AUTHORIZATION, World, at_http, attempt, detail, kind};

/// Serves `a.test` at 127.0.0.2, which alone may be dialled, with a bystander at 127.0.0.1, same
/// port; returns the outcome and how many requests each got.
async fn outcome_of_redirect(
    location: impl Fn(u16, &str) -> Option<String> + Send + Sync + 'static,
) -> (Result<(), Problem>, usize, usize) {
    let bystander =
        HttpServer::start("127.0.0.1", |_| Answer::status(200, KEY_AUTHORIZATION)).await;
    let port = bystander.address.port();
    let address = format!("127.0.0.2:{port}").parse().expect("an address");
    let server = HttpServer::start_at(address, move |head| match location(port, head) {
        Some(location) => Answer::redirect(&location),
        None => Answer::status(200, KEY_AUTHORIZATION),
    })
    .await;
    let zone = Zone::default()
        .address("a.test", "127.0.0.2")
        .address("inside.test", "127.0.0.1");
    let at_http = at_http(server.address);
    let world = World::new(zone, |settings| {
        at_http(settings);
        settings.allow_networks = vec!["127.0.0.2/32".parse().expect("a network")];
    })
    .await;
    let outcome = world
        .validator
        .validate(&attempt(Http01, "dns", "a.test"))
        .await;
    (outcome, server.requests().len(), bystander.requests().len())
}

fn once(head: &str, location: String) -> Option<String> {
    head.starts_with("GET /.well-known/").then_some(location)
}

#[tokio::test]
async fn follows_a_redirect_to_where_validation_may_go() {
    let (relative, ..) = outcome_of_redirect(|_, head| once(head, "/x?y=1".to_owned())).await;
    let (absolute, ..) =
        outcome_of_redirect(|port, head| once(head, format!("http://a.test:{port}/x"))).await;
    let (literal, ..) =
        outcome_of_redirect(|port, head| once(head, format!("http://127.0.0.2:{port}/x"))).await;

    assert_eq!(relative, Ok(()));
    assert_eq!(absolute, Ok(()));
    assert_eq!(literal, Ok(()));
}

#[tokio::test]
async fn follows_ten_redirects_and_no_more() {
    let chain = |length: usize| {
        move |_: u16, head: &str| {
            let path = head.split(' ').nth(1).expect("a path");
            let step: usize = path.trim_start_matches('/').parse().unwrap_or(0);
            (step < length).then(|| format!("/{}", step + 1))
        }
    };

    let (ten, ten_requests, _) = outcome_of_redirect(chain(10)).await;
    let (eleven, eleven_requests, _) = outcome_of_redirect(chain(11)).await;
    let (endless, endless_requests, _) =
        outcome_of_redirect(|_, _| Some("/.well-known/loop".to_owned())).await;

    assert_eq!((ten, ten_requests), (Ok(()), 11));
    assert_eq!(
        (kind(&eleven), eleven_requests),
        (Some(ProblemKind::Connection), 11)
    );
    assert_eq!(
        (kind(&endless), endless_requests),
        (Some(ProblemKind::Connection), 11)
    );
}

#[tokio::test]
async fn does_not_dial_a_forbidden_address_in_any_spelling() {
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "0",
        "0.0.0.0",
        "[::]",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "[64:ff9b::7f00:1]",
        "localhost",
        "inside.test",
        "INSIDE.test.",
        "%6cocalhost",
    ] {
        let (outcome, _, bystander) =
            outcome_of_redirect(move |port, head| once(head, format!("http://{host}:{port}/")))
                .await;

        assert_eq!(kind(&outcome), Some(ProblemKind::Connection), "{host}");
        assert!(detail(outcome).contains("may dial"), "{host}");
        assert_eq!(bystander, 0, "{host}");
    }
}

#[tokio::test]
async fn does_not_follow_to_other_ports_or_schemes() {
    for location in [
        "http://a.test:22/",
        "https://a.test:8443/",
        "http://a.test/",
        "file:///etc/passwd",
        "ftp://a.test/",
        "http://user:password@a.test/",
        "http://",
    ] {
        let (outcome, requests, _) = outcome_of_redirect(|_, _| Some(location.to_owned())).await;

        assert_eq!(kind(&outcome), Some(ProblemKind::Connection), "{location}");
        assert!(detail(outcome).contains("not followed"), "{location}");
        assert_eq!(requests, 1, "{location}");
    }
}

#[tokio::test]
async fn does_not_follow_a_redirect_without_location() {
    let server = HttpServer::start("127.0.0.1", |_| Answer::status(301, "")).await;
    let zone = Zone::default().address("a.test", "127.0.0.1");
    let world = World::new(zone, at_http(server.address)).await;

    let outcome = world
        .validator
        .validate(&attempt(Http01, "dns", "a.test"))
        .await;

    assert_eq!(kind(&outcome), Some(ProblemKind::Connection));
}

#[tokio::test]
async fn follows_to_https_whatever_the_certificate() {
    let tls = crate::tls_server::HttpsServer::start(KEY_AUTHORIZATION).await;
    let port = tls.address.port();
    let server = HttpServer::start("127.0.0.1", move |_| {
        Answer::redirect(&format!("https://b.test:{port}/x"))
    })
    .await;
    let zone = Zone::default()
        .address("a.test", "127.0.0.1")
        .address("b.test", "127.0.0.1");
    let http_port = server.address.port();
    let world = World::new(zone, |settings| {
        settings.http_port = http_port;
        settings.https_port = port;
    })
    .await;

    let outcome = world
        .validator
        .validate(&attempt(Http01, "dns", "a.test"))
        .await;

    assert_eq!(outcome, Ok(()));
}
