use std::time::Duration;

use serde_json::json;

use super::client::{Client, POST_AS_GET, url};
use super::world::World;

#[tokio::test]
async fn head_gets_200_and_get_204_never_cached() {
    let world = World::new().await;

    for (method, status) in [("HEAD", 200), ("GET", 204)] {
        let answer = world.request(method, &url("default", "new-nonce")).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("replay-nonce").len(), 50);
        assert!(answer.body.is_empty());
    }
}

#[tokio::test]
async fn a_nonce_works_once() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let jws = client
        .key
        .sign(&client.header(&client.url).await, POST_AS_GET)
        .to_string();

    let first = world.post(&client.url, jws.clone()).await;
    let second = world.post(&client.url, jws).await;

    assert_eq!(first.status, 200);
    assert_eq!(second.refusal(), "400 badNonce");
}

#[tokio::test]
async fn the_nonce_of_a_refusal_works() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let mut header = client.header(&client.url).await;
    header["nonce"] = json!("AAAA");
    let refused = world
        .post(
            &client.url,
            client.key.sign(&header, POST_AS_GET).to_string(),
        )
        .await;

    header["nonce"] = json!(refused.header("replay-nonce"));
    let answer = world
        .post(
            &client.url,
            client.key.sign(&header, POST_AS_GET).to_string(),
        )
        .await;

    assert_eq!(refused.refusal(), "400 badNonce");
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_nonce_outlives_a_restart_but_not_its_end() {
    let mut world = World::new().await;
    let (key, url, headers) = {
        let client = Client::register(&world, "default").await;
        let headers = [
            client.header(&client.url).await,
            client.header(&client.url).await,
        ];
        (client.key, client.url, headers)
    };

    world.restart().await;
    let in_time = world
        .post(&url, key.sign(&headers[0], POST_AS_GET).to_string())
        .await;
    world.advance(Duration::from_secs(5 * 60 * 60));
    let late = world
        .post(&url, key.sign(&headers[1], POST_AS_GET).to_string())
        .await;

    assert_eq!(in_time.status, 200);
    assert_eq!(late.refusal(), "400 badNonce");
}

#[tokio::test]
async fn a_request_with_a_wrong_signature_spends_no_nonce() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let header = client.header(&client.url).await;
    let stranger = super::client::Key::new();

    let wrong = world
        .post(&client.url, stranger.sign(&header, POST_AS_GET).to_string())
        .await;
    let right = world
        .post(
            &client.url,
            client.key.sign(&header, POST_AS_GET).to_string(),
        )
        .await;

    assert_eq!(wrong.refusal(), "400 malformed");
    assert_eq!(right.status, 200);
}

#[tokio::test]
async fn answers_post_as_get_too() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;

    let answer = client.get(&url("default", "new-nonce")).await;

    assert_eq!(answer.status, 204);
    assert!(!answer.header("replay-nonce").is_empty());
}
