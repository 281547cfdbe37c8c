use serde_json::{Value, json};

use super::client::{Client, Key, post_with_key, url};
use super::world::{Answer, World};

/// Signs an honest inner JWS, after `change` made it less so.
fn inner(client: &Client<'_>, new: &Key, change: impl FnOnce(&mut Value, &mut Value)) -> Value {
    let mut header = json!({"alg": "ES256", "url": url("default", "key-change"), "jwk": new.jwk()});
    let mut payload = json!({"account": client.url, "oldKey": client.key.jwk()});
    change(&mut header, &mut payload);
    new.sign(&header, payload.to_string().as_bytes())
}

async fn change(client: &Client<'_>, inner: &Value) -> Answer {
    client.post(&url("default", "key-change"), inner).await
}

#[tokio::test]
async fn gives_the_account_a_new_key_and_forgets_the_old_one() {
    let world = World::new().await;
    let mut client = Client::register(&world, "default").await;
    let new = Key::new();

    let answer = change(&client, &inner(&client, &new, |_, _| {})).await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["status"], "valid");
    assert_eq!(client.get(&client.url).await.refusal(), "400 malformed");
    let only = json!({"onlyReturnExisting": true});
    let old = post_with_key(&world, &url("default", "new-account"), &client.key, &only).await;
    assert_eq!(old.refusal(), "400 accountDoesNotExist");
    client.key = new;
    assert_eq!(client.get(&client.url).await.status, 200);
}

#[tokio::test]
async fn ignores_a_nonce_in_the_inner_jws() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;

    let inner = inner(&client, &Key::new(), |header, _| {
        header["nonce"] = json!("AAAA")
    });

    assert_eq!(change(&client, &inner).await.status, 200);
}

#[tokio::test]
async fn refuses_inner_requests_by_the_list_of_rfc_8555() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let other = Client::register(&world, "default").await;
    let new = Key::new();
    let mut forged = inner(&client, &new, |_, _| {});
    forged["signature"] = inner(&client, &Key::new(), |_, _| {})["signature"].clone();
    let cases = [
        json!({}),
        forged,
        inner(&client, &new, |header, _| {
            header.as_object_mut().unwrap().remove("jwk");
            header["kid"] = json!(client.url);
        }),
        inner(&client, &new, |header, _| header["url"] = json!(client.url)),
        inner(&client, &new, |_, payload| {
            payload["account"] = json!(other.url)
        }),
        inner(&client, &new, |_, payload| {
            payload["oldKey"] = other.key.jwk()
        }),
        inner(&client, &new, |_, payload| payload["oldKey"] = new.jwk()),
        inner(&client, &new, |_, payload| {
            *payload = json!({"account": client.url})
        }),
        inner(&client, &new, |_, payload| *payload = json!([])),
    ];

    for inner in cases {
        let answer = change(&client, &inner).await;
        assert_eq!(answer.refusal(), "400 malformed", "{inner}");
    }
    assert_eq!(client.get(&client.url).await.status, 200);
}

#[tokio::test]
async fn points_at_the_account_that_has_the_new_key() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let other = Client::register(&world, "default").await;

    let taken = change(&client, &inner(&client, &other.key, |_, _| {})).await;
    let own = change(&client, &inner(&client, &client.key, |_, _| {})).await;

    assert_eq!(taken.refusal(), "409 malformed");
    assert_eq!(taken.header("location"), other.url);
    assert_eq!(own.refusal(), "409 malformed");
    assert_eq!(own.header("location"), client.url);
}
