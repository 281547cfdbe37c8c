use std::net::IpAddr;
use std::time::Duration;

use argon2::Params;
use argon2::password_hash::phc::PasswordHash;
use ca_issuance::Actor;
use ca_issuance::world::SystemEntropy;
use ca_pki::Timestamp;
use futures_util::FutureExt;
use futures_util::future::join_all;
use secrecy::SecretString;

use super::secret_hash::{NOBODY, verify_blocking};
use super::{AuthenticatedClient, ClientCredentials, HashingDesk, NewClient};
use crate::access::bench::{Bench, HOME, text};
use crate::{Error, LoginFailure, Role};

impl Bench {
    async fn guess(&self, id: &str, from: IpAddr) -> Result<AuthenticatedClient, Error> {
        let credentials = ClientCredentials {
            unverified_id: id.into(),
            unverified_secret: SecretString::from("cas_guess"),
        };
        self.access.authenticate_client(credentials, from).await
    }
}

fn new_client(id: &str, comment: &str) -> NewClient {
    NewClient {
        id: id.into(),
        role: Some(Role::Admin),
        comment: comment.into(),
    }
}

fn draw(new: NewClient) -> Result<(super::Client, SecretString), Error> {
    new.draw_blocking(Timestamp::from_unix_secs(0), &SystemEntropy::default())
}

#[test]
fn keeps_an_argon2id_hash_and_shows_the_secret_once() {
    let (client, secret) = draw(new_client("deployer", "")).unwrap();

    assert!(text(&secret).starts_with("cas_"));
    assert!(
        client
            .secret_hash
            .starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
    );
    assert!(!client.secret_hash.contains(text(&secret)));
    assert!(verify_blocking(text(&secret), &client.secret_hash).unwrap());
    assert!(!verify_blocking("cas_other", &client.secret_hash).unwrap());
}

#[test]
fn does_the_same_work_for_a_client_that_does_not_exist() {
    let (client, _) = draw(new_client("deployer", "")).unwrap();
    let cost = |hash: &str| {
        let hash = PasswordHash::new(hash).unwrap();
        let params = Params::try_from(&hash).unwrap();
        let outputs = (hash.salt.unwrap().len(), hash.hash.unwrap().len());
        (hash.algorithm, params, outputs)
    };

    let (nobody, somebody) = (cost(NOBODY), cost(&client.secret_hash));

    assert_eq!(nobody, somebody);
}

#[test]
fn refuses_ids_that_do_not_fit_basic_or_a_url() {
    let long = "a".repeat(65);
    let bad = ["", "a:b", "a b", "-a", ".a", "a/b", "ä", "a\n", &long];

    for id in bad {
        let outcome = draw(new_client(id, ""));

        assert!(matches!(outcome, Err(Error::Malformed(_))), "{id:?}");
    }
}

#[test]
fn refuses_comments_of_more_than_a_line() {
    for comment in ["a\nb".to_owned(), "a".repeat(201)] {
        let outcome = draw(new_client("deployer", &comment));

        assert!(matches!(outcome, Err(Error::Malformed(_))), "{comment:?}");
    }
}

#[tokio::test]
async fn refuses_a_second_client_of_one_id() {
    let bench = Bench::new().await;
    bench.add_client(None).await;

    let new = new_client("deployer", "");
    let outcome = bench.access.add_client(new, Actor::System).await;

    assert!(matches!(outcome, Err(Error::Conflict(_))), "{outcome:?}");
}

#[tokio::test]
async fn tells_nobody_whether_a_client_exists() {
    let bench = Bench::new().await;
    bench.add_client(None).await;

    for id in ["deployer", "nobody", "no client's: id"] {
        let outcome = bench.guess(id, HOME).await;

        assert!(
            matches!(
                outcome,
                Err(Error::Unauthenticated(LoginFailure::WrongSecret))
            ),
            "{id}"
        );
    }
}

#[tokio::test]
async fn makes_a_guesser_wait_and_writes_no_event_while_it_waits() {
    let bench = Bench::new().await;
    for _ in 0..5 {
        assert!(bench.guess("deployer", HOME).await.is_err());
    }

    let waits = bench.guess("deployer", HOME).await;

    let Err(Error::Throttled { retry_after }) = waits else {
        panic!("not made to wait: {waits:?}")
    };
    assert_eq!(retry_after, Duration::from_secs(1));
    assert_eq!(bench.events(), ["login.failed"; 5]);
}

#[tokio::test]
async fn makes_the_owner_wait_only_where_the_guesser_is() {
    let bench = Bench::new().await;
    let credentials = bench.add_client(None).await;
    for _ in 0..5 {
        assert!(bench.guess("deployer", HOME).await.is_err());
    }
    let elsewhere: IpAddr = "198.51.100.1".parse().unwrap();

    let here = bench.access.authenticate_client(credentials.clone(), HOME);
    let there = bench.access.authenticate_client(credentials, elsewhere);

    assert!(matches!(here.await, Err(Error::Throttled { .. })));
    assert!(there.await.is_ok());
}

#[tokio::test]
async fn counts_anew_after_a_success() {
    let bench = Bench::new().await;
    let credentials = bench.add_client(None).await;

    for _ in 0..3 {
        for _ in 0..4 {
            assert!(bench.guess("deployer", HOME).await.is_err());
        }
        bench.prove(&credentials).await;
    }
}

#[tokio::test]
async fn judges_many_guesses_at_once_as_if_they_came_one_by_one() {
    let bench = Bench::new().await;
    let guesses = (0..20).map(|_| bench.guess("deployer", HOME));

    let outcomes = join_all(guesses).await;

    let judged = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Err(Error::Unauthenticated(_))));
    // One more may be computed beside the one that is the last straw.
    assert!(judged.count() <= 6);
}

#[tokio::test]
async fn turns_callers_away_when_too_many_wait_for_a_hash() {
    let desk = HashingDesk::new();
    let _working = (desk.turn().await.unwrap(), desk.turn().await.unwrap());
    let mut waiting: Vec<_> = (0..62).map(|_| Box::pin(desk.turn())).collect();
    for turn in &mut waiting {
        assert!(turn.now_or_never().is_none());
    }

    let outcome = desk.turn().now_or_never();

    assert!(matches!(outcome, Some(Err(Error::Unavailable { .. }))));
}
