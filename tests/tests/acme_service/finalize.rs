use std::sync::atomic::Ordering;
use std::time::Duration;

use ca_acme::ProblemKind;
use ca_acme::order::OrderStatus;
use futures_util::future::join_all;
use rcgen::KeyPair;

use crate::world::{World, finalize_payload, refusal};
use crate::{place, place_and_prove, read};

#[tokio::test]
async fn a_ready_order_gets_its_certificate_at_once_and_only_once() {
    let world = World::new().await;
    let client = world.client().await;
    let key = KeyPair::generate().unwrap();
    let names = ["*.a.example", "a.example"];
    let order = place_and_prove(&world, &client, &names).await;
    let payload = finalize_payload(&key, &names);

    let finished = world
        .acme
        .finalize(&client.sends(&payload).await, &order.id)
        .await
        .unwrap();
    let again = world
        .acme
        .finalize(&client.sends(&payload).await, &order.id)
        .await;

    assert_eq!(finished.status, OrderStatus::Valid);
    assert_eq!(finished, read(&world, &client, &order.id).await);
    let problem = refusal(again);
    assert_eq!(
        (problem.kind, problem.status),
        (ProblemKind::OrderNotReady, 403)
    );
    assert_eq!(
        world.validator.caa_checks.load(Ordering::SeqCst),
        0,
        "validation has just looked"
    );
}

#[tokio::test]
async fn finalizing_together_yields_one_certificate() {
    let world = World::new().await;
    let client = world.client().await;
    let key = KeyPair::generate().unwrap();
    let order = place_and_prove(&world, &client, &["a.example"]).await;
    let payload = finalize_payload(&key, &["a.example"]);
    let mut requests = Vec::new();
    for _ in 0..10 {
        requests.push(client.sends(&payload).await);
    }

    let results = join_all(
        requests
            .iter()
            .map(|request| world.acme.finalize(request, &order.id)),
    )
    .await;

    let (finished, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(finished.len(), 1);
    for result in refused {
        assert_eq!(refusal(result).kind, ProblemKind::OrderNotReady);
    }
}

#[tokio::test]
async fn a_pending_order_is_not_ready() {
    let world = World::new().await;
    let client = world.client().await;
    let key = KeyPair::generate().unwrap();
    let order = place(&world, &client, &["a.example"]).await;

    let request = client.sends(&finalize_payload(&key, &["a.example"])).await;
    let problem = refusal(world.acme.finalize(&request, &order.id).await);

    assert_eq!(problem.kind, ProblemKind::OrderNotReady);
}

#[tokio::test]
async fn a_bad_csr_is_refused_and_leaves_the_order_ready_for_a_better_one() {
    let world = World::new().await;
    let client = world.client().await;
    let key = KeyPair::generate().unwrap();
    let order = place_and_prove(&world, &client, &["a.example", "b.example"]).await;
    let wrong_kind = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let both = ["a.example", "b.example"];
    let cases = [
        ("a name too few", finalize_payload(&key, &["a.example"])),
        (
            "a name too many",
            finalize_payload(&key, &["a.example", "b.example", "c.example"]),
        ),
        (
            "the account's key",
            finalize_payload(&client.own_key(), &both),
        ),
        (
            "a key that the profile leaves out",
            finalize_payload(&wrong_kind, &both),
        ),
        ("no CSR at all", r#"{"csr":"AAAA"}"#.to_owned()),
    ];

    for (what, payload) in cases {
        let request = client.sends(&payload).await;
        let problem = refusal(world.acme.finalize(&request, &order.id).await);
        assert_eq!(
            (problem.kind, problem.status),
            (ProblemKind::BadCsr, 400),
            "{what}"
        );
    }

    let request = client.sends(&finalize_payload(&key, &both)).await;
    let finished = world.acme.finalize(&request, &order.id).await.unwrap();
    assert_eq!(finished.status, OrderStatus::Valid);
}

#[tokio::test]
async fn an_old_caa_check_is_made_again() {
    let world = World::new().await;
    let client = world.client().await;
    let key = KeyPair::generate().unwrap();
    let payload = finalize_payload(&key, &["a.example"]);
    let order = place_and_prove(&world, &client, &["a.example"]).await;
    world.clock.advance(Duration::from_secs(8 * 3_600));

    // A lookup that fails may succeed later; a record that forbids decides.
    world.validator.end_caa_checks_with(ProblemKind::Dns);
    let unclear = world
        .acme
        .finalize(&client.sends(&payload).await, &order.id)
        .await;
    let between = read(&world, &client, &order.id).await;
    world.validator.end_caa_checks_with(ProblemKind::Caa);
    let forbidden = world
        .acme
        .finalize(&client.sends(&payload).await, &order.id)
        .await;

    assert_eq!(refusal(unclear).kind, ProblemKind::Dns);
    assert_eq!(between.status, OrderStatus::Ready);
    let problem = refusal(forbidden);
    assert_eq!((problem.kind, problem.status), (ProblemKind::Caa, 403));
    let failed = read(&world, &client, &order.id).await;
    assert_eq!(failed.status, OrderStatus::Invalid);
    assert_eq!(failed.error.unwrap().kind, ProblemKind::Caa);
}
