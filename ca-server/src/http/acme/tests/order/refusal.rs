//! What is asked for in vain.

use super::*;

#[tokio::test]
async fn what_belongs_to_an_account_is_never_answered_to_get() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let placed = place(&client, &["a.example"]).await;
    let order = placed.json();
    let authorization = order["authorizations"][0].as_str().unwrap();
    let object = client.get(authorization).await.json();

    for resource in [
        placed.header("location"),
        text(&order, "finalize"),
        authorization,
        text(&object["challenges"][0], "url"),
        &url("default", "new-order"),
        &url("default", "new-authorization"),
        &url("default", "certificate/x"),
    ] {
        let answer = world.request("GET", resource).await;
        assert_eq!(answer.refusal(), "405 malformed", "{resource}");
        assert_eq!(answer.header("allow"), "POST", "{resource}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_missing() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let order = place(&client, &["*.a.example"]).await.json();
    let challenge = order["authorizations"][0]
        .as_str()
        .unwrap()
        .replace("/authorization/", "/challenge/");

    for resource in [
        url("default", "order/x"),
        url("default", "order/x/finalize"),
        url("default", "authorization/x"),
        url("default", "challenge/x/http-01"),
        url("default", "certificate/x"),
        format!("{challenge}/http-01"),
        format!("{challenge}/dns-account-01"),
    ] {
        let answer = client.get(&resource).await;
        assert_eq!(answer.refusal(), "404 malformed", "{resource}");
    }
}

#[tokio::test]
async fn hostile_payloads_are_malformed_everywhere() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let order = ready(&client, "a.example").await;
    let pending = place(&client, &["b.example"]).await.json();
    let authorization = pending["authorizations"][0].as_str().unwrap();
    let object = client.get(authorization).await.json();
    let resources = [
        &url("default", "new-order"),
        &url("default", "new-authorization"),
        text(&order, "finalize"),
        authorization,
        text(&object["challenges"][0], "url"),
    ];
    let deep = format!("{{\"identifiers\":{}", "[".repeat(20_000));
    let payloads: [&[u8]; 8] = [
        b"[]",
        b"null",
        b"7",
        b"\"{}\"",
        b"{",
        b"{\"a\":\"\xff\"}",
        b"\x00{}",
        deep.as_bytes(),
    ];
    let huge = br#"{"csr":1e999,"status":1e999,"identifiers":1e999,"identifier":1e999}"#;

    for resource in resources {
        for payload in payloads {
            let answer = client.post_octets(resource, payload).await;
            assert_eq!(answer.refusal(), "400 malformed", "{resource}");
        }
    }
    // A challenge has no use for any member, and ignores them all.
    for resource in &resources[..4] {
        let answer = client.post_octets(resource, huge).await;
        assert_eq!(answer.refusal(), "400 malformed", "{resource}");
    }
}
