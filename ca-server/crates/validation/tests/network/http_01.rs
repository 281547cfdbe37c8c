//! http-01 (RFC 8555 §8.3).

use ca_acme::authorization::ChallengeKind::Http01;
use ca_acme::{ProblemKind, Validator};

use crate::dns_server::Zone;
use crate::http_server::{Answer, HttpServer};
use crate::world::{KEY_AUTHORIZATION, TOKEN, World, at_http, attempt, detail, kind};

async fn outcome_of(answer: Answer) -> Result<(), ca_acme::Problem> {
    let server = HttpServer::start("127.0.0.1", move |_| answer.clone()).await;
    let zone = Zone::default().address("a.test", "127.0.0.1");
    let world = World::new(zone, at_http(server.address)).await;
    let attempt = attempt(Http01, "dns", "a.test");
    world.validator.validate(&attempt).await
}

#[tokio::test]
async fn accepts_the_key_authorization_and_white_space_after_it() {
    for end in ["", "\n", "\r\n", " \t\n\n"] {
        let body = format!("{KEY_AUTHORIZATION}{end}");

        let outcome = outcome_of(Answer::status(200, &body)).await;

        assert_eq!(outcome, Ok(()), "{end:?}");
    }
}

#[tokio::test]
async fn asks_as_rfc_8555_says_and_says_who_asks() {
    let server = HttpServer::start("127.0.0.1", |_| Answer::status(200, KEY_AUTHORIZATION)).await;
    let zone = Zone::default().address("a.test", "127.0.0.1");
    let world = World::new(zone, at_http(server.address)).await;

    let outcome = world
        .validator
        .validate(&attempt(Http01, "dns", "a.test"))
        .await;

    assert_eq!(outcome, Ok(()));
    let requests = server.requests();
    let [head] = requests.as_slice() else {
        panic!("one request, not {requests:?}");
    };
    let head = head.to_lowercase();
    let line = format!(
        "get /.well-known/acme-challenge/{} http/1.1\r\n",
        TOKEN.to_lowercase()
    );
    assert!(head.starts_with(&line), "{head}");
    assert!(head.contains(&format!("\r\nhost: a.test:{}\r\n", server.address.port())));
    assert!(head.contains("\r\nuser-agent: ca-server/"));
    assert!(!head.contains("accept-encoding"));
}

#[tokio::test]
async fn proves_an_address_without_asking_dns() {
    let server = HttpServer::start("127.0.0.1", |_| Answer::status(200, KEY_AUTHORIZATION)).await;
    let world = World::new(Zone::default(), at_http(server.address)).await;

    let outcome = world
        .validator
        .validate(&attempt(Http01, "ip", "127.0.0.1"))
        .await;

    assert_eq!(outcome, Ok(()));
    assert!(world.dns.names_asked().is_empty());
}

#[tokio::test]
async fn refuses_other_bodies_without_repeating_them() {
    let other = format!("{}x", &KEY_AUTHORIZATION);
    for body in [
        "",
        "secret of the intranet",
        " leading",
        &other,
        &format!(" {KEY_AUTHORIZATION}"),
    ] {
        let outcome = outcome_of(Answer::status(200, body)).await;

        assert_eq!(kind(&outcome), Some(ProblemKind::Unauthorized), "{body:?}");
        assert!(!detail(outcome).contains("secret"));
    }
}

#[tokio::test]
async fn refuses_every_status_but_200() {
    for status in [201, 204, 206, 304, 400, 401, 403, 404, 500, 503] {
        let outcome = outcome_of(Answer::status(status, KEY_AUTHORIZATION)).await;

        assert_eq!(kind(&outcome), Some(ProblemKind::Unauthorized), "{status}");
        assert!(detail(outcome).contains(&status.to_string()));
    }
}

#[tokio::test]
async fn takes_a_chunked_body() {
    let (first, second) = KEY_AUTHORIZATION.split_at(10);
    let answer = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
        first.len(),
        second.len()
    );

    assert_eq!(
        outcome_of(Answer::Octets(answer.into_bytes())).await,
        Ok(())
    );
}

#[tokio::test]
async fn takes_a_body_that_ends_with_the_connection() {
    let answer = format!("HTTP/1.0 200 OK\r\n\r\n{KEY_AUTHORIZATION}");

    assert_eq!(
        outcome_of(Answer::Octets(answer.into_bytes())).await,
        Ok(())
    );
}

#[tokio::test]
async fn refuses_what_is_not_http() {
    for octets in [
        b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec(),
        b"\x16\x03\x01\x00\x05hello\r\n\r\n".to_vec(),
        b"HTTP/1.1 2000 OK\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nshort".to_vec(),
        Vec::new(),
    ] {
        let outcome = outcome_of(Answer::Octets(octets.clone())).await;

        let kind = kind(&outcome);
        assert_eq!(
            kind,
            Some(ProblemKind::Connection),
            "{}",
            octets.escape_ascii()
        );
        assert!(!detail(outcome).contains("OpenSSH"));
    }
}

#[tokio::test]
async fn reports_a_reset_and_a_refusal_as_connection_problems() {
    let reset = outcome_of(Answer::Reset).await;
    let server = HttpServer::start("127.0.0.1", |_| Answer::Silence).await;
    let address = server.address;
    drop(server);
    let zone = Zone::default().address("a.test", "127.0.0.1");
    let world = World::new(zone, at_http(address)).await;
    let refused = world
        .validator
        .validate(&attempt(Http01, "dns", "a.test"))
        .await;

    assert_eq!(kind(&reset), Some(ProblemKind::Connection));
    assert_eq!(kind(&refused), Some(ProblemKind::Connection));
    assert!(detail(refused).contains("refused"));
}

#[tokio::test]
async fn tries_again_after_a_broken_connection() {
    let answers = std::sync::Mutex::new(vec![
        Answer::status(200, KEY_AUTHORIZATION),
        Answer::Octets(Vec::new()),
        Answer::Reset,
    ]);
    let server = HttpServer::start("127.0.0.1", move |_| {
        answers
            .lock()
            .expect("not poisoned")
            .pop()
            .expect("an answer")
    })
    .await;
    let zone = Zone::default().address("a.test", "127.0.0.1");
    let at_http = at_http(server.address);
    let world = World::new(zone, |settings| {
        at_http(settings);
        settings.retry_pauses = vec![std::time::Duration::ZERO; 2];
    })
    .await;

    let outcome = world
        .validator
        .validate(&attempt(Http01, "dns", "a.test"))
        .await;

    assert_eq!(outcome, Ok(()));
}

#[tokio::test]
async fn does_not_try_again_after_an_answer() {
    let server = HttpServer::start("127.0.0.1", |_| Answer::status(404, "")).await;
    let zone = Zone::default().address("a.test", "127.0.0.1");
    let at_http = at_http(server.address);
    let world = World::new(zone, |settings| {
        at_http(settings);
        settings.retry_pauses = vec![std::time::Duration::ZERO; 2];
    })
    .await;

    let outcome = world
        .validator
        .validate(&attempt(Http01, "dns", "a.test"))
        .await;

    assert_eq!(kind(&outcome), Some(ProblemKind::Unauthorized));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn goes_on_to_the_next_address_where_one_does_not_answer() {
    let server = HttpServer::start("127.0.0.1", |_| Answer::status(200, KEY_AUTHORIZATION)).await;
    let zone = Zone::default()
        .address("a.test", "127.0.0.9")
        .address("a.test", "127.0.0.1");
    let world = World::new(zone, at_http(server.address)).await;

    let outcome = world
        .validator
        .validate(&attempt(Http01, "dns", "a.test"))
        .await;

    assert_eq!(outcome, Ok(()));
}

#[tokio::test]
async fn reports_names_without_address_as_dns_problems() {
    let zone = Zone::default().text("text-only.test", &["x"]);
    let world = World::new(zone, |_| {}).await;

    for name in ["missing.test", "text-only.test"] {
        let outcome = world
            .validator
            .validate(&attempt(Http01, "dns", name))
            .await;

        assert_eq!(kind(&outcome), Some(ProblemKind::Dns), "{name}");
        assert!(detail(outcome).contains(name));
    }
}

#[tokio::test]
async fn does_not_prove_a_wildcard() {
    let world = World::new(Zone::default(), |_| {}).await;
    let mut attempt = attempt(Http01, "dns", "a.test");
    attempt.wildcard = true;

    let outcome = world.validator.validate(&attempt).await;

    assert_eq!(kind(&outcome), Some(ProblemKind::UnsupportedIdentifier));
    assert!(world.dns.names_asked().is_empty());
}
