use serde_json::json;

use super::client::{Client, url};
use super::world::{BASE, World};

#[tokio::test]
async fn lists_every_resource_under_the_external_url() {
    let world = World::new().await;

    let answer = world.request("GET", &url("bound", "directory")).await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(
        answer.json(),
        json!({
            "newNonce": "https://ca.example/acme/bound/new-nonce",
            "newAccount": "https://ca.example/acme/bound/new-account",
            "newOrder": "https://ca.example/acme/bound/new-order",
            "newAuthz": "https://ca.example/acme/bound/new-authorization",
            "revokeCert": "https://ca.example/acme/bound/revoke-certificate",
            "keyChange": "https://ca.example/acme/bound/key-change",
            "renewalInfo": "https://ca.example/acme/bound/renewal-info",
            "meta": {"externalAccountRequired": true, "profiles": {"tls": "servers"}},
        })
    );
}

#[tokio::test]
async fn names_terms_only_where_there_are_some() {
    let world = World::new().await;

    let answer = world.request("GET", &url("terms", "directory")).await;

    let meta = &answer.json()["meta"];
    assert_eq!(meta["termsOfService"], "https://ca.example/terms");
    assert_eq!(meta["externalAccountRequired"], false);
}

#[tokio::test]
async fn answers_post_as_get_with_the_same() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let directory = url("default", "directory");

    let answer = client.get(&directory).await;

    assert_eq!(answer.json(), world.request("GET", &directory).await.json());
}

#[tokio::test]
async fn every_answer_but_the_directory_links_to_it() {
    let world = World::new().await;
    let index = format!("<{}>;rel=\"index\"", url("default", "directory"));
    let cases = [
        ("GET", url("default", "new-nonce"), index.as_str()),
        ("GET", url("default", "new-order"), &index),
        ("POST", url("default", "new-order"), &index),
        ("GET", url("default", "no-such-thing"), &index),
        ("GET", url("default", "directory"), ""),
        ("GET", url("no-such-directory", "directory"), ""),
    ];

    for (method, url, expected) in cases {
        let answer = world.request(method, &url).await;
        assert_eq!(answer.header("link"), expected, "{method} {url}");
    }
}

#[tokio::test]
async fn says_what_is_not_there_and_what_is_not_allowed() {
    let world = World::new().await;
    let cases = [
        (
            "GET",
            url("no-such-directory", "directory"),
            "404 malformed",
            "",
        ),
        ("HEAD", url("no-such-directory", "new-nonce"), "404", ""),
        (
            "POST",
            url("no-such-directory", "new-order"),
            "404 malformed",
            "",
        ),
        ("GET", url("default", "no-such-thing"), "404 malformed", ""),
        ("GET", format!("{BASE}/acme/"), "404 malformed", ""),
        ("GET", url("default", "account%2Fx"), "404 malformed", ""),
        ("GET", url("default", "directory/%ff"), "404 malformed", ""),
        (
            "GET",
            url("default", "new-account"),
            "405 malformed",
            "POST",
        ),
        (
            "DELETE",
            url("default", "account/x"),
            "405 malformed",
            "POST",
        ),
        (
            "PUT",
            url("default", "directory"),
            "405 malformed",
            "GET,HEAD,POST",
        ),
    ];

    for (method, url, expected, allow) in cases {
        let answer = world.request(method, &url).await;
        let said = if method == "HEAD" {
            answer.status.as_u16().to_string()
        } else {
            answer.refusal()
        };
        assert_eq!(said, expected, "{method} {url}");
        assert_eq!(answer.header("allow"), allow, "{method} {url}");
    }
}
