use ca_acme::ProblemKind;
use ca_acme::authorization::{AuthorizationStatus, PreAuthorization};
use ca_acme::order::OrderStatus;
use serde_json::json;

use crate::world::{World, refusal};
use crate::{place, place_and_prove, read};

#[tokio::test]
async fn an_authorization_made_ahead_is_found_again_and_taken_up_by_an_order() {
    let world = World::new().await;
    let client = world.client().await;
    let payload = json!({ "identifier": { "type": "dns", "value": "A.example" } }).to_string();

    let first = world
        .acme
        .new_authorization(&client.sends(&payload).await)
        .await;
    let second = world
        .acme
        .new_authorization(&client.sends(&payload).await)
        .await;
    let order = place(&world, &client, &["a.example"]).await;

    let PreAuthorization::Created(created) = first.unwrap() else {
        panic!("it was there before");
    };
    let PreAuthorization::Existing(existing) = second.unwrap() else {
        panic!("it was made twice");
    };
    assert_eq!(existing.id, created.id);
    assert_eq!(order.authorizations, [created.id]);
}

#[tokio::test]
async fn nothing_is_authorized_ahead_that_could_not_be_ordered_so() {
    let world = World::new().await;
    let client = world.client().await;
    let cases = [
        (json!({}), ProblemKind::Malformed),
        (
            json!({ "identifier": { "type": "dns", "value": "*.a.example" } }),
            ProblemKind::Malformed,
        ),
        (
            json!({ "identifier": { "type": "dns", "value": "vault.example" } }),
            ProblemKind::RejectedIdentifier,
        ),
        (
            json!({ "identifier": { "type": "ip", "value": "192.0.2.1" } }),
            ProblemKind::RejectedIdentifier,
        ),
        (
            json!({ "identifier": { "type": "uri", "value": "spiffe://a/b" } }),
            ProblemKind::UnsupportedIdentifier,
        ),
    ];

    for (payload, kind) in cases {
        let request = client.sends(&payload.to_string()).await;
        let problem = refusal(world.acme.new_authorization(&request).await);
        assert_eq!(problem.kind, kind, "{payload}");
    }
}

#[tokio::test]
async fn deactivating_an_authorization_fails_the_orders_that_need_it() {
    let world = World::new().await;
    let client = world.client().await;
    let order = place_and_prove(&world, &client, &["a.example"]).await;
    let id = &order.authorizations[0];
    let deactivate = async || {
        let request = client.sends(r#"{"status":"deactivated"}"#).await;
        world.acme.update_authorization(&request, id).await.unwrap()
    };

    let deactivated = deactivate().await;
    let again = deactivate().await;

    assert_eq!(order.status, OrderStatus::Ready);
    assert_eq!(deactivated.status, AuthorizationStatus::Deactivated);
    assert_eq!(again.status, AuthorizationStatus::Deactivated);
    let failed = read(&world, &client, &order.id).await;
    assert_eq!(failed.status, OrderStatus::Invalid);
    let next = place(&world, &client, &["a.example"]).await;
    assert_eq!(next.status, OrderStatus::Pending, "it must be proven anew");
}
