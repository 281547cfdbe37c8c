//! From a job's token to its certificate.

use ca_tests::acme::{Order, send_together};
use ca_tests::openssl;
use serde_json::json;

use crate::database::{Kind, on_both_databases};
use crate::job::{World, finalize, stranger};

on_both_databases! {
    a_token_becomes_a_certificate_without_a_challenge,
    a_client_gets_a_key_at_the_command_line,
    a_job_without_a_grant_gets_no_credential,
}

async fn a_token_becomes_a_certificate_without_a_challenge(kind: Kind) {
    let world = World::on(kind);
    let names = ["a.ci.example.internal", "b.ci.example.internal"];

    let client = world.account(&world.mint().await).await;
    let order = client.order(&names).await;
    let done = finalize(&client, &order, &names).await.expect_status(200);
    let pem = client.download(&Order::of(&done)).await;
    let outside = client.new_order(&["a.elsewhere.example.internal"]).await;

    assert_eq!(order.status(), "ready");
    openssl::verify_chain(&world.ca.root_file(), &pem);
    outside.expect_problem(400, "rejectedIdentifier");
    let own = world.api("GET", "/certificates", None).await;
    let own = own.expect_status(200).json();
    let id = client.kid.as_deref().unwrap().rsplit('/').next().unwrap();
    let actor = format!("oidc:ci:project:42 via acme:pipelines:{id}");
    assert_eq!(own["items"].as_array().unwrap().len(), 1, "{own}");
    assert_eq!(own["items"][0]["requested_by"], actor);
}

async fn a_client_gets_a_key_at_the_command_line(kind: Kind) {
    let world = World::on(kind);
    let for_deployer = ["eab", "create", "--client", "deployer"];
    let nowhere = world.ca.command(&for_deployer);
    let unknown = [&for_deployer[..], &["--directory", "pipelines"]].concat();
    let unknown = world.ca.command(&unknown);
    world.command(&["client", "add", "--id", "deployer"]);

    let credential = world.create(&["--client", "deployer"]);
    let order = world.account(&credential).await;
    let order = order.order(&["a.ci.example.internal"]).await;
    let listed = world.command(&["eab", "list"]);

    assert_eq!(nowhere.status.code(), Some(2), "{nowhere:?}");
    assert_eq!(unknown.status.code(), Some(7), "{unknown:?}");
    assert_eq!(order.status(), "ready");
    assert!(listed.contains("used up"), "{listed}");
    assert!(listed.contains("client:deployer"), "{listed}");
}

async fn a_job_without_a_grant_gets_no_credential(kind: Kind) {
    let world = World::on(kind);
    let url = format!("{}/api/v1/eab-credentials", world.ca.external_url());

    let answer = ca_tests::acme::http_client(&world.ca)
        .post(url)
        .bearer_auth(world.token("43"))
        .json(&json!({"directory": "pipelines"}))
        .send()
        .await
        .unwrap();

    assert_eq!(answer.status(), 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_bind_one_account_with_one_credential() {
    let world = World::on(Kind::Postgres);
    let twin = world.ca.twin();
    let credential = world.mint().await;
    let clients = [stranger(&world.ca).await, stranger(&twin).await];
    let mut posts = Vec::new();
    for client in &clients {
        let wanted = json!({"externalAccountBinding": credential.bind(client)});
        let post = client.post(&client.url("newAccount"), &wanted);
        posts.push(post.with_jwk().prepare().await);
    }

    let answers = send_together(posts).await;

    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 403]);
}
