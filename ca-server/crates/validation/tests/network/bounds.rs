//! That slow, silent and endless others cost a bounded time and nobody else's.

use std::time::{Duration, Instant};

use ca_acme::authorization::ChallengeKind::{Dns01, Http01, TlsAlpn01};
use ca_acme::{Problem, ProblemKind, Validator};
use futures_util::future::join_all;
use hickory_proto::rr::RecordType::{A, AAAA, TXT};

use crate::dns_server::Zone;
use crate::http_server::{Answer, HttpServer};
use crate::world::{KEY_AUTHORIZATION, World, at_http, attempt, detail, kind};

const DEADLINE: Duration = Duration::from_millis(400);
/// Far beyond the deadline, far below what an unbounded wait would take.
const SOON: Duration = Duration::from_secs(5);

async fn outcome_of(answer: Answer) -> Result<(), Problem> {
    let server = HttpServer::start("127.0.0.1", move |_| answer.clone()).await;
    let zone = Zone::default().address("a.test", "127.0.0.1");
    let at_http = at_http(server.address);
    let world = World::new(zone, |settings| {
        at_http(settings);
        settings.deadline = DEADLINE;
    })
    .await;
    let started = Instant::now();
    let outcome = world
        .validator
        .validate(&attempt(Http01, "dns", "a.test"))
        .await;
    assert!(started.elapsed() < SOON);
    outcome
}

#[tokio::test]
async fn stops_waiting_for_silent_and_dripping_servers() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n";
    for answer in [
        Answer::Silence,
        Answer::Drip(b"HTTP/1.1 200 OK\r\nX: ".to_vec()),
        Answer::Drip(head.as_bytes().to_vec()),
        Answer::Endless(Vec::new(), b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec()),
    ] {
        let outcome = outcome_of(answer.clone()).await;

        assert_eq!(kind(&outcome), Some(ProblemKind::Connection), "{answer:?}");
    }
}

#[tokio::test]
async fn reads_no_more_of_a_body_than_a_key_authorization_needs() {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let chunk = [b"400\r\n".to_vec(), vec![b'a'; 1024], b"\r\n".to_vec()].concat();
    let until_closed = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let padded = [until_closed.clone(), KEY_AUTHORIZATION.as_bytes().to_vec()].concat();
    for answer in [
        Answer::Endless(chunked, chunk),
        Answer::Endless(until_closed, vec![b'a'; 4096]),
        Answer::Endless(padded, vec![b' '; 4096]),
    ] {
        let outcome = outcome_of(answer).await;

        assert_eq!(kind(&outcome), Some(ProblemKind::Unauthorized));
        assert!(detail(outcome).contains("more than 512 octets"));
    }
}

#[tokio::test]
async fn reads_no_more_header_than_anyone_needs() {
    let field = format!("X: {}\r\n", "a".repeat(1000));
    let endless = Answer::Endless(b"HTTP/1.1 200 OK\r\n".to_vec(), field.into_bytes());
    let one_line = Answer::Endless(b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'a'; 4096]);

    for answer in [endless, one_line] {
        let outcome = outcome_of(answer).await;

        assert_eq!(kind(&outcome), Some(ProblemKind::Connection));
        assert!(detail(outcome).contains("header is too large"));
    }
}

#[tokio::test]
async fn stops_waiting_for_a_silent_tls_server() {
    let server = HttpServer::start("127.0.0.1", |_| Answer::Silence).await;
    let zone = Zone::default().address("a.test", "127.0.0.1");
    let at_http = at_http(server.address);
    let world = World::new(zone, |settings| {
        at_http(settings);
        settings.deadline = DEADLINE;
    })
    .await;

    let outcome = world
        .validator
        .validate(&attempt(TlsAlpn01, "dns", "a.test"))
        .await;

    assert_eq!(kind(&outcome), Some(ProblemKind::Connection));
    assert!(detail(outcome).contains("0.4 s"));
}

#[tokio::test]
async fn calls_a_silent_resolver_a_dns_problem() {
    let zone = Zone::default()
        .keeps_silent_about("a.test", A)
        .keeps_silent_about("a.test", AAAA)
        .keeps_silent_about("_acme-challenge.a.test", TXT);
    let world = World::new(zone, |settings| {
        settings.dns_timeout = Duration::from_millis(100);
    })
    .await;

    for challenge in [Http01, Dns01] {
        let started = Instant::now();
        let outcome = world
            .validator
            .validate(&attempt(challenge, "dns", "a.test"))
            .await;

        assert_eq!(kind(&outcome), Some(ProblemKind::Dns));
        assert!(started.elapsed() < SOON);
    }
}

#[tokio::test]
async fn keeps_one_accounts_silent_hosts_from_starving_the_others() {
    let silent = HttpServer::start("127.0.0.2", |_| Answer::Silence).await;
    let port = silent.address.port();
    let address = format!("127.0.0.1:{port}").parse().expect("an address");
    let honest = HttpServer::start_at(address, |_| Answer::status(200, KEY_AUTHORIZATION)).await;
    let zone = Zone::default()
        .address("silent.test", "127.0.0.2")
        .address("honest.test", "127.0.0.1");
    let at_http = at_http(honest.address);
    let world = World::new(zone, |settings| {
        at_http(settings);
        settings.deadline = DEADLINE;
        settings.patience = DEADLINE / 2;
        settings.concurrency = 4;
        settings.concurrency_per_account = 2;
    })
    .await;
    let mut hostile = attempt(Http01, "dns", "silent.test");
    hostile.account_url = "https://ca.example/acme/default/account/hostile".to_owned();
    let modest = attempt(Http01, "dns", "honest.test");

    let flood = join_all((0..100).map(|_| world.validator.validate(&hostile)));
    let (flooded, served) = futures_util::join!(flood, world.validator.validate(&modest));

    assert_eq!(served, Ok(()));
    let put_off = |outcome: &&_| kind(outcome) == Some(ProblemKind::RateLimited);
    assert_eq!(flooded.iter().filter(put_off).count(), 98);
    assert_eq!(silent.requests().len(), 2);
}

#[tokio::test]
async fn gives_who_had_to_wait_the_whole_time_of_its_own_turn() {
    let silent = HttpServer::start("127.0.0.2", |_| Answer::Silence).await;
    let port = silent.address.port();
    let address = format!("127.0.0.1:{port}").parse().expect("an address");
    let honest = HttpServer::start_at(address, |_| Answer::status(200, KEY_AUTHORIZATION)).await;
    let zone = Zone::default()
        .address("silent.test", "127.0.0.2")
        .address("honest.test", "127.0.0.1");
    let at_http = at_http(honest.address);
    let world = World::new(zone, |settings| {
        at_http(settings);
        settings.deadline = DEADLINE;
        settings.concurrency = 1;
    })
    .await;
    let (first, second) = (
        attempt(Http01, "dns", "silent.test"),
        attempt(Http01, "dns", "honest.test"),
    );

    let (kept_waiting, served) = futures_util::join!(
        world.validator.validate(&first),
        world.validator.validate(&second)
    );

    assert_eq!(kind(&kept_waiting), Some(ProblemKind::Connection));
    assert_eq!(served, Ok(()));
}
