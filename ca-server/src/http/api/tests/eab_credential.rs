use ca_identity::Role;
use serde_json::json;

use super::call::Answer;
use super::world::{BASE, World};

const PATH: &str = "/api/v1/eab-credentials";

#[tokio::test]
async fn mints_a_credential_for_ten_minutes_without_being_told_how() {
    let world = World::new().await;

    let call = world.call("POST", PATH).bearer(&world.deployer().await);
    let minted = call.send().await;

    let body = minted.json();
    assert_eq!(minted.status, 201, "{body}");
    assert_eq!(body["directory"], "default");
    assert_eq!(
        body["acme_directory_url"],
        format!("{BASE}/acme/default/directory")
    );
    assert_eq!(body["expires_at"], "2027-01-15T08:10:00Z");
    assert!(body["hmac_key"].as_str().unwrap().len() >= 43);
}

#[tokio::test]
async fn shows_credentials_without_their_secrets_and_only_to_their_owner() {
    let world = World::new().await;
    let token = world.deployer().await;
    let wanted = json!({"directory": "default", "lifetime": "1h"});
    let minted = world.post(PATH, &wanted).bearer(&token).send().await;
    let path = minted.header("location");

    let own = world.get(path).bearer(&token).send().await;
    let staff = world.get(PATH).by(Role::Auditor).send().await;
    let stranger = world.get(path).bearer(&world.ci_token()).send().await;

    assert_eq!(own.json()["identity"], "client:deployer");
    assert_eq!(own.json()["single_use"], true);
    assert!(own.json().get("hmac_key").is_none());
    assert_eq!(staff.json()["items"][0], own.json());
    assert_eq!(stranger.refusal(), "404 not-found");
}

#[tokio::test]
async fn refuses_long_lives_and_directories_that_are_not_there() {
    let world = World::new().await;
    let token = world.deployer().await;

    for wanted in [
        json!({"lifetime": "61m"}),
        json!({"lifetime": "0s"}),
        json!({"directory": "nothing"}),
        json!({"life": "1m"}),
    ] {
        let answer = world.post(PATH, &wanted).bearer(&token).send().await;

        assert_eq!(answer.refusal(), "400 malformed", "{wanted}");
    }
}

#[tokio::test]
async fn a_revoked_credential_is_shown_as_such() {
    let world = World::new().await;
    let token = world.deployer().await;
    let minted = world.call("POST", PATH).bearer(&token).send().await;
    let path = minted.header("location");

    let revoked = world.call("DELETE", path).bearer(&token).send().await;
    let shown = world.get(path).bearer(&token).send().await;

    assert_eq!(revoked.status, 204);
    assert_eq!(shown.json()["revoked_at"], "2027-01-15T08:00:00Z");
}

#[tokio::test]
async fn lists_page_by_page() {
    let world = World::new().await;
    let token = world.deployer().await;
    for _ in 0..3 {
        world.call("POST", PATH).bearer(&token).send().await;
    }

    let first = world.get(&format!("{PATH}?limit=2")).bearer(&token);
    let first = first.send().await;
    let cursor = first.json()["next"].as_str().unwrap().to_owned();
    let second = format!("{PATH}?limit=2&cursor={cursor}");
    let second = world.get(&second).bearer(&token).send().await;
    let other = world.get(PATH).bearer(&world.ci_token()).send().await;

    let count = |answer: &Answer| answer.json()["items"].as_array().unwrap().len();
    assert_eq!([&first, &second, &other].map(count), [2, 1, 0]);
    assert!(first.header("link").contains(&format!("cursor={cursor}")));
    assert_eq!(second.header("link"), "");
}
