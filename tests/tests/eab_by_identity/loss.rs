//! What ends the power of an account that acts for somebody, while the server runs.

use std::time::{Duration, Instant};

use ca_tests::RawAcme;
use ca_tests::acme::Order;

use crate::database::{Kind, on_both_databases};
use crate::job::{World, finalize};

on_both_databases! {
    a_grant_that_goes_with_a_reload,
    a_credential_that_its_owner_revokes,
    a_client_that_is_removed,
    an_operator_token_that_is_revoked_beside_another,
}

const NAMES: [&str; 1] = ["a.ci.example.internal"];

async fn a_grant_that_goes_with_a_reload(kind: Kind) {
    let world = World::on(kind);
    let client = world.account(&world.mint().await).await;
    let order = client.order(&NAMES).await;

    world.ca.edit(|config| {
        config.remove("grant");
    });
    world.ca.signal("HUP");

    let deadline = Instant::now() + Duration::from_secs(20);
    while client.new_order(&NAMES).await.status == 201 {
        assert!(Instant::now() < deadline, "{}", world.ca.log());
    }
    is_over(&client, &order).await;
}

async fn a_credential_that_its_owner_revokes(kind: Kind) {
    let world = World::on(kind);
    let credential = world.mint().await;
    let client = world.account(&credential).await;
    let order = client.order(&NAMES).await;

    let path = format!("/eab-credentials/{}", credential.kid);
    world.api("DELETE", &path, None).await.expect_status(204);

    is_over(&client, &order).await;
}

async fn a_client_that_is_removed(kind: Kind) {
    let world = World::on(kind);
    world.command(&["client", "add", "--id", "deployer"]);
    let credential = world.create(&["--client", "deployer"]);
    let client = world.account(&credential).await;
    let order = client.order(&NAMES).await;

    world.command(&["client", "remove", "deployer"]);

    is_over(&client, &order).await;
}

async fn an_operator_token_that_is_revoked_beside_another(kind: Kind) {
    let world = World::on(kind);
    let [stolen, kept] = ["operator"; 2].map(|role| world.ca.operator_token(role));
    let thief = world.account(&world.mint_as(&stolen.text).await).await;
    let staff = world.account(&world.mint_as(&kept.text).await).await;
    let order = thief.order(&NAMES).await;

    world.command(&["token", "revoke", &stolen.id]);

    is_over(&thief, &order).await;
    assert_eq!(staff.order(&NAMES).await.status(), "ready");
}

/// The order that was ready fails, and no new one is placed.
async fn is_over(client: &RawAcme<'_>, order: &Order) {
    assert_eq!(order.status(), "ready");
    let finalized = finalize(client, order, &NAMES).await;
    finalized.expect_problem(403, "unauthorized");
    assert_eq!(client.refresh(order).await.status(), "invalid");
    let refused = client.new_order(&NAMES).await;
    refused.expect_problem(400, "rejectedIdentifier");
}
