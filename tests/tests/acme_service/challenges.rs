use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use ca_acme::ProblemKind;
use ca_acme::authorization::{AuthorizationStatus, ChallengeKind, ChallengeStatus};
use ca_acme::challenge::ChallengeOf;
use ca_acme::order::OrderStatus;

use crate::world::{Client, World, refusal};
use crate::{place, read};

async fn answer(world: &World, client: &Client, authorization: &str) -> ChallengeOf {
    let request = client.sends("{}").await;
    let answered = world
        .acme
        .challenge(&request, authorization, ChallengeKind::Http01)
        .await;
    answered.unwrap()
}

#[tokio::test]
async fn an_answer_carries_the_result_when_it_is_there_soon() {
    let world = World::new().await;
    let client = world.client().await;
    let order = place(&world, &client, &["a.example"]).await;

    let answered = answer(&world, &client, &order.authorizations[0]).await;

    assert_eq!(answered.challenge.status, ChallengeStatus::Valid);
    assert!(answered.challenge.validated_at.is_some());
    assert_eq!(answered.authorization.status, AuthorizationStatus::Valid);
    let order = read(&world, &client, &order.id).await;
    assert_eq!(order.status, OrderStatus::Ready);
}

#[tokio::test]
async fn a_failed_validation_is_final_and_fails_the_order() {
    let world = World::new().await;
    let client = world.client().await;
    world
        .validator
        .refuse("b.example", ProblemKind::IncorrectResponse);
    let order = place(&world, &client, &["a.example", "b.example"]).await;

    let refused = answer(&world, &client, &order.authorizations[1]).await;
    let again = answer(&world, &client, &order.authorizations[1]).await;

    assert_eq!(refused.challenge.status, ChallengeStatus::Invalid);
    let error = refused.challenge.error.unwrap();
    assert_eq!(error.kind, ProblemKind::IncorrectResponse);
    assert_eq!(again.authorization.status, AuthorizationStatus::Invalid);
    assert_eq!(world.validator.attempts.load(Ordering::SeqCst), 1);
    let order = read(&world, &client, &order.id).await;
    assert_eq!(order.status, OrderStatus::Invalid);
}

#[tokio::test]
async fn a_slow_validation_is_processing_until_it_ends() {
    let world = World::impatient().await;
    let client = world.client().await;
    let order = place(&world, &client, &["a.example"]).await;
    world.validator.hold();

    let answered = answer(&world, &client, &order.authorizations[0]).await;
    let again = answer(&world, &client, &order.authorizations[0]).await;
    world.validator.release();
    world.settle().await;

    assert_eq!(answered.challenge.status, ChallengeStatus::Processing);
    assert_eq!(answered.authorization.status, AuthorizationStatus::Pending);
    assert_eq!(again.challenge.status, ChallengeStatus::Processing);
    assert_eq!(world.validator.attempts.load(Ordering::SeqCst), 1);
    let order = read(&world, &client, &order.id).await;
    assert_eq!(order.status, OrderStatus::Ready);
}

#[tokio::test]
async fn answers_that_come_together_make_the_server_dial_once() {
    let world = World::new().await;
    let client = world.client().await;
    let order = place(&world, &client, &["a.example"]).await;
    let authorization = &order.authorizations[0];

    let (first, second, third) = tokio::join!(
        answer(&world, &client, authorization),
        answer(&world, &client, authorization),
        answer(&world, &client, authorization),
    );

    assert_eq!(world.validator.attempts.load(Ordering::SeqCst), 1);
    for answered in [first, second, third] {
        assert_ne!(answered.challenge.status, ChallengeStatus::Invalid);
        assert_ne!(answered.challenge.status, ChallengeStatus::Pending);
    }
}

#[tokio::test]
async fn an_answer_that_read_before_the_end_dials_no_more_after_it() {
    let world = World::new().await;
    let client = world.client().await;

    // When the late answer reads is up to the store: one round alone may miss the moment.
    for round in 1..=20 {
        let name = format!("{round}.example");
        let order = place(&world, &client, &[&name]).await;
        let id = &order.authorizations[0];
        let request = client.sends("{}").await;
        let mut late = pin!(world.acme.challenge(&request, id, ChallengeKind::Http01));

        // It asks the store, and gets no turn until the other answer has led to the end.
        poll_fn(|context| {
            let _not_yet = late.as_mut().poll(context);
            Poll::Ready(())
        })
        .await;
        answer(&world, &client, id).await;
        let seen = late.await.unwrap();

        assert_eq!(seen.challenge.status, ChallengeStatus::Valid);
        assert_eq!(world.validator.attempts.load(Ordering::SeqCst), round);
    }
}

#[tokio::test]
async fn a_restart_goes_on_with_what_it_interrupted() {
    let mut world = World::impatient().await;
    let mut client = world.client().await;
    let order = place(&world, &client, &["a.example"]).await;
    world.validator.hold();
    let answered = answer(&world, &client, &order.authorizations[0]).await;

    world.restart().await;
    client.reconnects(&world);
    let resumed = world.acme.resume_interrupted_validations().await.unwrap();
    world.settle().await;

    assert_eq!(answered.challenge.status, ChallengeStatus::Processing);
    assert_eq!(resumed, 1);
    let order = read(&world, &client, &order.id).await;
    assert_eq!(order.status, OrderStatus::Ready);
    let rest = world.acme.resume_interrupted_validations().await.unwrap();
    assert_eq!(rest, 0);
}

#[tokio::test]
async fn a_validation_whose_turn_did_not_come_is_tried_again() {
    let world = World::impatient().await;
    let client = world.client().await;
    let order = place(&world, &client, &["a.example"]).await;
    world.validator.hold();
    world
        .validator
        .refuse("a.example", ProblemKind::RateLimited);
    answer(&world, &client, &order.authorizations[0]).await;
    world.validator.release();
    world.settle().await;
    let put_off = read(&world, &client, &order.id).await;

    world.validator.relent("a.example");
    let resumed = world.acme.resume_interrupted_validations().await.unwrap();
    world.settle().await;

    assert_eq!(put_off.status, OrderStatus::Pending);
    assert_eq!(resumed, 1);
    let order = read(&world, &client, &order.id).await;
    assert_eq!(order.status, OrderStatus::Ready);
}

#[tokio::test]
async fn resuming_leaves_alone_what_runs() {
    let world = World::impatient().await;
    let client = world.client().await;
    let order = place(&world, &client, &["a.example"]).await;
    world.validator.hold();
    answer(&world, &client, &order.authorizations[0]).await;

    let resumed = world.acme.resume_interrupted_validations().await.unwrap();

    assert_eq!(resumed, 0);
    world.validator.release();
    world.settle().await;
    assert_eq!(world.validator.attempts.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_withdrawn_authorization_stays_withdrawn_when_its_validation_ends() {
    let world = World::impatient().await;
    let client = world.client().await;
    let order = place(&world, &client, &["a.example"]).await;
    let id = &order.authorizations[0];
    world.validator.hold();
    answer(&world, &client, id).await;

    let request = client.sends(r#"{"status":"deactivated"}"#).await;
    world.acme.update_authorization(&request, id).await.unwrap();
    world.validator.release();
    world.settle().await;

    let request = client.sends("").await;
    let authorization = world.acme.authorization(&request, id).await.unwrap();
    assert_eq!(authorization.status, AuthorizationStatus::Deactivated);
    let order = read(&world, &client, &order.id).await;
    assert_eq!(order.status, OrderStatus::Invalid);
}

#[tokio::test]
async fn an_answer_that_comes_after_the_end_is_refused() {
    let world = World::new().await;
    let client = world.client().await;
    let order = place(&world, &client, &["a.example"]).await;
    world.clock.advance(Duration::from_secs(8 * 24 * 3_600));

    let request = client.sends("{}").await;
    let late = world
        .acme
        .challenge(&request, &order.authorizations[0], ChallengeKind::Http01)
        .await;

    assert_eq!(refusal(late).kind, ProblemKind::Malformed);
    assert_eq!(world.validator.attempts.load(Ordering::SeqCst), 0);
    let order = read(&world, &client, &order.id).await;
    assert_eq!(order.status, OrderStatus::Invalid);
}

#[tokio::test]
async fn reading_a_challenge_or_sending_nonsense_starts_nothing() {
    let world = World::new().await;
    let client = world.client().await;
    let order = place(&world, &client, &["a.example"]).await;
    let id = &order.authorizations[0];
    let send = async |payload: &str| {
        let request = client.sends(payload).await;
        world
            .acme
            .challenge(&request, id, ChallengeKind::Http01)
            .await
    };

    let read = send("").await.unwrap();
    for payload in ["[]", "null", "7", "\"{}\"", "{", "{} {}"] {
        assert_eq!(
            refusal(send(payload).await).kind,
            ProblemKind::Malformed,
            "{payload}"
        );
    }

    assert_eq!(read.challenge.status, ChallengeStatus::Pending);
    assert_eq!(world.validator.attempts.load(Ordering::SeqCst), 0);
    let legacy = send(r#"{"keyAuthorization":"a.b"}"#).await.unwrap();
    assert_eq!(legacy.challenge.status, ChallengeStatus::Valid);
}
