use std::time::Duration;

use ca_acme::ProblemKind;
use ca_acme::authorization::ChallengeKind;
use ca_acme::order::OrderStatus;
use ca_issuance::Clock;
use ca_pki::Identifier;
use serde_json::json;

use crate::world::{World, refusal};
use crate::{order_payload, place, place_and_prove};

#[tokio::test]
async fn a_name_and_its_wildcard_are_authorized_separately() {
    let world = World::new().await;
    let client = world.client().await;

    let order = place(&world, &client, &["*.a.example", "a.example"]).await;

    assert_eq!(order.status, OrderStatus::Pending);
    let mut offered = Vec::new();
    for id in &order.authorizations {
        let request = client.sends("").await;
        let authorization = world.acme.authorization(&request, id).await.unwrap();
        assert_eq!(authorization.identifier.value(), "a.example");
        let kinds: Vec<_> = authorization
            .challenges
            .iter()
            .map(|one| one.kind)
            .collect();
        offered.push((authorization.wildcard, kinds));
    }
    assert_eq!(
        offered,
        [
            (true, vec![ChallengeKind::Dns01]),
            (
                false,
                vec![
                    ChallengeKind::Http01,
                    ChallengeKind::Dns01,
                    ChallengeKind::TlsAlpn01
                ]
            ),
        ]
    );
}

#[tokio::test]
async fn an_order_of_proven_names_is_born_ready() {
    let world = World::new().await;
    let client = world.client().await;
    let first = place_and_prove(&world, &client, &["a.example", "b.example"]).await;

    let again = place(&world, &client, &["b.example", "a.example"]).await;
    let more = place(&world, &client, &["a.example", "c.example"]).await;

    assert_eq!(first.status, OrderStatus::Ready);
    assert_eq!(again.status, OrderStatus::Ready);
    assert_eq!(again.authorizations, first.authorizations);
    assert_eq!(more.status, OrderStatus::Pending);
}

#[tokio::test]
async fn another_account_proves_for_itself() {
    let world = World::new().await;
    let (first, second) = (world.client().await, world.client().await);
    place_and_prove(&world, &first, &["a.example"]).await;

    let order = place(&world, &second, &["a.example"]).await;

    assert_eq!(order.status, OrderStatus::Pending);
}

#[tokio::test]
async fn what_does_not_read_is_listed_together_with_what_may_not_be_had() {
    let world = World::new().await;
    let client = world.client().await;
    let names = ["a.example", "a_b.example", "vault.example"];

    let request = client.sends(&order_payload(&names)).await;
    let problem = refusal(world.acme.new_order(&request).await);

    let kinds: Vec<ProblemKind> = problem.subproblems.iter().map(|one| one.kind).collect();
    assert_eq!(problem.kind, ProblemKind::Compound);
    assert_eq!(
        kinds,
        [ProblemKind::Malformed, ProblemKind::RejectedIdentifier]
    );
}

#[tokio::test]
async fn lists_each_name_that_may_not_be_had() {
    let world = World::new().await;
    let client = world.client().await;
    let names = ["a.example", "vault.example", "x.constrained.example"];

    let request = client.sends(&order_payload(&names)).await;
    let problem = refusal(world.acme.new_order(&request).await);

    let about = |one: &ca_acme::Problem| one.identifier.as_ref().map(Identifier::value);
    let values: Vec<String> = problem.subproblems.iter().filter_map(about).collect();
    assert_eq!(problem.kind, ProblemKind::RejectedIdentifier);
    assert_eq!(values, ["vault.example", "x.constrained.example"]);
}

#[tokio::test]
async fn a_profile_is_chosen_by_name_or_by_default() {
    let world = World::new().await;
    let client = world.client().await;
    let identifiers = json!([{ "type": "dns", "value": "a.example" }]);
    let order = async |profile: &str| {
        let payload = json!({ "identifiers": identifiers, "profile": profile });
        let request = client.sends(&payload.to_string()).await;
        world.acme.new_order(&request).await
    };

    assert_eq!(order("").await.unwrap().order.profile, "tls-server");
    assert_eq!(order("mtls").await.unwrap().order.profile, "mtls");
    assert_eq!(
        refusal(order("tlsserver").await).kind,
        ProblemKind::InvalidProfile
    );
}

#[tokio::test]
async fn an_end_is_honoured_cut_with_a_warning_or_refused() {
    let world = World::new().await;
    let client = world.client().await;
    let now = world.clock.now();
    let order = async |not_after: String| {
        let identifiers = json!([{ "type": "dns", "value": "a.example" }]);
        let payload = json!({ "identifiers": identifiers, "notAfter": not_after });
        let request = client.sends(&payload.to_string()).await;
        world.acme.new_order(&request).await
    };
    let hour = now.plus(Duration::from_secs(3_600));
    let year = now.plus(Duration::from_secs(365 * 24 * 3_600));
    let longest = now.plus(Duration::from_secs(24 * 3_600 - 60));

    let honoured = order(hour.to_string()).await.unwrap();
    let cut = order(year.to_string()).await.unwrap();
    let refused = order(now.to_string()).await;

    assert_eq!(honoured.order.not_after, Some(hour));
    assert_eq!(honoured.warning, None);
    assert_eq!(cut.order.not_after, Some(longest));
    assert!(cut.warning.is_some());
    assert_eq!(refusal(refused).kind, ProblemKind::Malformed);
}

#[tokio::test]
async fn an_order_belongs_to_its_account_alone() {
    let world = World::new().await;
    let (owner, other) = (world.client().await, world.client().await);
    let order = place(&world, &owner, &["a.example"]).await;
    let authorization = &order.authorizations[0];
    let request = other.sends("").await;
    let answer = other.sends("{}").await;

    let refused = [
        refusal(world.acme.order(&request, &order.id).await),
        refusal(world.acme.finalize(&answer, &order.id).await),
        refusal(world.acme.certificate(&request, &order.id, 0).await),
        refusal(world.acme.authorization(&request, authorization).await),
        refusal(
            world
                .acme
                .update_authorization(&answer, authorization)
                .await,
        ),
        refusal(
            world
                .acme
                .challenge(&answer, authorization, ChallengeKind::Http01)
                .await,
        ),
    ];
    let missing = refusal(world.acme.order(&request, "elsewhere").await);

    for problem in refused {
        assert_eq!(
            (problem.kind, problem.status),
            (ProblemKind::Unauthorized, 403)
        );
    }
    assert_eq!(missing.status, 404);
}
