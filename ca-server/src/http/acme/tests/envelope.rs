use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::client::{Client, Key, POST_AS_GET, encode, post_with_key, url};
use super::world::{World, path};

#[tokio::test]
async fn refuses_protected_headers_that_do_not_fit_the_request() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let other = Client::register(&world, "terms").await;
    let absent = Value::Null;
    let cases = [
        (
            "url",
            json!(url("default", "new-order")),
            "401 unauthorized",
        ),
        (
            "url",
            json!(format!("{}?x", client.url)),
            "401 unauthorized",
        ),
        (
            "url",
            json!(client.url.replace("https", "http")),
            "401 unauthorized",
        ),
        ("url", json!(path(&client.url)), "401 unauthorized"),
        ("url", absent.clone(), "400 malformed"),
        ("alg", json!("none"), "400 badSignatureAlgorithm"),
        ("alg", json!("HS256"), "400 badSignatureAlgorithm"),
        ("alg", json!("ES384"), "400 badSignatureAlgorithm"),
        ("alg", absent.clone(), "400 malformed"),
        ("nonce", absent.clone(), "400 badNonce"),
        ("nonce", json!("AAAA"), "400 badNonce"),
        ("nonce", json!("!"), "400 malformed"),
        ("nonce", json!(1), "400 malformed"),
        ("kid", absent.clone(), "400 malformed"),
        ("kid", json!(1), "400 malformed"),
        ("kid", json!("x"), "400 accountDoesNotExist"),
        (
            "kid",
            json!(format!("{}x", client.url)),
            "400 accountDoesNotExist",
        ),
        ("kid", json!(other.url), "400 accountDoesNotExist"),
        ("jwk", client.key.jwk(), "400 malformed"),
        ("crit", json!(["x"]), "400 malformed"),
    ];

    for (name, value, expected) in cases {
        let mut header = client.header(&client.url).await;
        let members = header.as_object_mut().unwrap();
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.to_owned(), value.clone());
        }
        let jws = client.key.sign(&header, POST_AS_GET).to_string();
        let answer = world.post(&client.url, jws).await;
        assert_eq!(answer.refusal(), expected, "{name} {value}");
        assert!(!answer.header("replay-nonce").is_empty(), "{name} {value}");
    }
}

#[tokio::test]
async fn builds_urls_from_the_configuration_whatever_the_host_header_says() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let request = |header: &Value| {
        Request::post(path(&client.url))
            .header("host", "evil.example")
            .header("content-type", "application/jose+json")
            .body(Body::from(client.key.sign(header, POST_AS_GET).to_string()))
            .unwrap()
    };
    let honest = client.header(&client.url).await;
    let mut fooled = client.header(&client.url).await;
    fooled["url"] = json!(format!("https://evil.example{}", path(&client.url)));

    let kept = world.send(request(&honest)).await;
    let refused = world.send(request(&fooled)).await;

    assert_eq!(kept.header("location"), client.url);
    assert_eq!(refused.refusal(), "401 unauthorized");
}

#[tokio::test]
async fn names_the_algorithms_it_accepts() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let mut header = client.header(&client.url).await;
    header["alg"] = json!("PS256");

    let answer = world
        .post(
            &client.url,
            client.key.sign(&header, POST_AS_GET).to_string(),
        )
        .await;

    let expected = json!(["ES256", "ES384", "ES512", "RS256", "EdDSA"]);
    assert_eq!(answer.json()["algorithms"], expected);
}

#[tokio::test]
async fn wants_kid_or_jwk_as_the_resource_asks() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;

    let key_for_account = post_with_key(&world, &client.url, &client.key, &json!({})).await;
    let account_for_key = client
        .post(&url("default", "new-account"), &json!({}))
        .await;

    assert_eq!(key_for_account.refusal(), "400 malformed");
    assert_eq!(account_for_key.refusal(), "400 malformed");
}

#[tokio::test]
async fn refuses_keys_that_cannot_be_trusted() {
    let world = World::new().await;
    let account = url("default", "new-account");
    let key = Key::new();
    let changed = |name: &str, value: Value| {
        let mut jwk = key.jwk();
        jwk[name] = value;
        jwk
    };
    let cases = [
        (changed("y", key.jwk()["x"].clone()), "400 badPublicKey"),
        (changed("kty", json!("oct")), "400 badPublicKey"),
        (changed("crv", json!("secp256k1")), "400 badPublicKey"),
        (changed("d", json!("AAAA")), "400 malformed"),
        (changed("x", json!("")), "400 malformed"),
        (json!({}), "400 malformed"),
        (Key::new().jwk(), "400 malformed"),
    ];

    for (jwk, expected) in cases {
        let nonce = super::client::nonce(&world).await;
        let header = json!({"alg": "ES256", "nonce": nonce, "url": account, "jwk": jwk});
        let answer = world
            .post(&account, key.sign(&header, b"{}").to_string())
            .await;
        assert_eq!(answer.refusal(), expected, "{jwk}");
    }
}

#[tokio::test]
async fn wants_the_media_type_of_jose_whatever_its_parameters() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let cases = [
        (Some("application/jose+json"), 200),
        (Some("Application/JOSE+json; charset=utf-8"), 200),
        (Some("application/json"), 415),
        (Some("application/jose+jsonx"), 415),
        (Some(""), 415),
        (None, 415),
    ];

    for (media_type, status) in cases {
        let jws = client
            .key
            .sign(&client.header(&client.url).await, POST_AS_GET);
        let mut request = Request::post(path(&client.url));
        if let Some(media_type) = media_type {
            request = request.header("content-type", media_type);
        }
        let answer = world
            .send(request.body(Body::from(jws.to_string())).unwrap())
            .await;
        assert_eq!(answer.status, status, "{media_type:?}");
    }
}

#[tokio::test]
async fn refuses_bodies_that_are_no_jws_and_bodies_that_are_too_large() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let jws = client
        .key
        .sign(&client.header(&client.url).await, POST_AS_GET);
    let mut general = jws.clone();
    general["signatures"] = json!([]);
    let mut unprotected = jws.clone();
    unprotected["header"] = json!({"kid": client.url});
    let cases = [
        (String::new(), "400 malformed"),
        ("{}".to_owned(), "400 malformed"),
        ("[".repeat(60_000), "400 malformed"),
        (general.to_string(), "400 malformed"),
        (unprotected.to_string(), "400 malformed"),
        (" ".repeat(65 * 1024), "413 malformed"),
    ];

    for (body, expected) in cases {
        let answer = world.post(&client.url, body.clone()).await;
        assert_eq!(answer.refusal(), expected, "{body:.40}");
        assert!(!answer.header("replay-nonce").is_empty());
    }
}

#[tokio::test]
async fn refuses_a_protected_header_that_names_a_member_twice() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let header = client.header(&client.url).await.to_string();
    let twice = header.replacen('{', r#"{"url":"https://ca.example/other","#, 1);

    let jws = client.key.sign_octets(twice.as_bytes(), POST_AS_GET);
    let answer = world.post(&client.url, jws.to_string()).await;

    assert_eq!(answer.refusal(), "400 malformed");
}

#[tokio::test]
async fn tells_post_as_get_from_an_empty_object() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let orders = format!("{}/orders", client.url);

    let read = client.get(&orders).await;
    let object = client.post(&orders, &json!({})).await;

    assert_eq!(read.json(), json!({"orders": []}));
    assert_eq!(object.refusal(), "400 malformed");
}

#[tokio::test]
async fn refuses_a_payload_swapped_under_its_signature() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let mut jws = client
        .key
        .sign(&client.header(&client.url).await, POST_AS_GET);
    jws["payload"] = json!(encode(br#"{"status":"deactivated"}"#));

    let answer = world.post(&client.url, jws.to_string()).await;

    assert_eq!(answer.refusal(), "400 malformed");
    assert_eq!(client.get(&client.url).await.json()["status"], "valid");
}
