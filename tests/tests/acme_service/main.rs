//! ACME's state machines over a real store, in a scripted world.
//!
//! What needs a slow or a lying world, a moved clock or a restart at the right moment is tested
//! here; what clients see over HTTP is tested over HTTP.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod authorizations;
mod certificates;
mod challenges;
mod finalize;
mod orders;
mod world;

use ca_acme::authorization::ChallengeKind;
use ca_acme::order::Order;
use serde_json::json;

use crate::world::{Client, World};

/// Makes a newOrder payload for DNS names.
fn order_payload(names: &[&str]) -> String {
    let identifiers: Vec<_> = names
        .iter()
        .map(|name| json!({ "type": "dns", "value": name }))
        .collect();
    json!({ "identifiers": identifiers }).to_string()
}

/// Places an order.
async fn place(world: &World, client: &Client, names: &[&str]) -> Order {
    let request = client.sends(&order_payload(names)).await;
    world.acme.new_order(&request).await.unwrap().order
}

/// Places an order and answers a challenge of each authorization.
async fn place_and_prove(world: &World, client: &Client, names: &[&str]) -> Order {
    let order = place(world, client, names).await;
    for authorization in &order.authorizations {
        let request = client.sends("{}").await;
        world
            .acme
            .challenge(&request, authorization, ChallengeKind::Dns01)
            .await
            .unwrap();
    }
    read(world, client, &order.id).await
}

/// Reads an order.
async fn read(world: &World, client: &Client, order: &str) -> Order {
    let request = client.sends("").await;
    world.acme.order(&request, order).await.unwrap()
}
