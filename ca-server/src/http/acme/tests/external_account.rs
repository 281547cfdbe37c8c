use std::time::Duration;

use ca_acme::AcmeStore;
use ca_acme::external_account::ExternalAccountKey;
use ca_issuance::Actor;
use ca_issuance::audit::{Event, EventKind};
use secrecy::SecretSlice;
use serde_json::{Value, json};

use super::client::{Client, Key, bind, post_with_key, url};
use super::world::{Answer, World};

const SECRET: [u8; 32] = [3; 32];

fn event(world: &World, kind: EventKind) -> Event {
    Event {
        at: world.now(),
        kind,
        actor: Actor::System,
        subject: "kid".to_owned(),
        details: json!({}),
    }
}

async fn add_key(world: &World, change: impl FnOnce(&mut ExternalAccountKey)) {
    let mut key = ExternalAccountKey {
        kid: "kid".to_owned(),
        mac_key: SecretSlice::from(SECRET.to_vec()),
        directory: None,
        comment: String::new(),
        principal: None,
        single_use: false,
        expires_at: None,
        revoked_at: None,
        used_at: None,
        created_at: world.now(),
    };
    change(&mut key);
    let event = event(world, EventKind::ExternalAccountKeyCreated);
    world
        .store
        .add_external_account_key(key, event)
        .await
        .unwrap();
}

async fn register(world: &World, directory: &str, key: &Key, binding: &Value) -> Answer {
    let wanted = json!({"externalAccountBinding": binding});
    post_with_key(world, &url(directory, "new-account"), key, &wanted).await
}

/// Binds a new key honestly.
async fn bind_and_register(world: &World, directory: &str) -> Answer {
    let key = Key::new();
    let binding = bind("kid", &SECRET, &url(directory, "new-account"), &key.jwk());
    register(world, directory, &key, &binding).await
}

#[tokio::test]
async fn binds_an_account_and_shows_the_binding() {
    let world = World::new().await;
    add_key(&world, |_| {}).await;
    let key = Key::new();
    let binding = bind("kid", &SECRET, &url("bound", "new-account"), &key.jwk());

    let answer = register(&world, "bound", &key, &binding).await;

    assert_eq!(answer.status, 201);
    assert_eq!(answer.json()["externalAccountBinding"], binding);
}

#[tokio::test]
async fn wants_a_binding_where_the_directory_says_so() {
    let world = World::new().await;
    let wanted = json!({"externalAccountBinding": null});

    let answer = post_with_key(&world, &url("bound", "new-account"), &Key::new(), &wanted).await;

    assert_eq!(answer.refusal(), "403 externalAccountRequired");
}

#[tokio::test]
async fn finds_a_bound_account_again_without_a_binding() {
    let world = World::new().await;
    add_key(&world, |_| {}).await;
    let key = Key::new();
    let account = url("bound", "new-account");
    register(
        &world,
        "bound",
        &key,
        &bind("kid", &SECRET, &account, &key.jwk()),
    )
    .await;

    let answer = post_with_key(&world, &account, &key, &json!({})).await;

    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn checks_an_optional_binding_and_ignores_one_where_there_are_none() {
    let world = World::new().await;
    let key = Key::new();
    let binding = |directory: &str| {
        bind(
            "no-such-kid",
            &SECRET,
            &url(directory, "new-account"),
            &key.jwk(),
        )
    };

    let optional = register(&world, "default", &key, &binding("default")).await;
    let off = register(&world, "terms", &key, &binding("terms")).await;

    assert_eq!(optional.refusal(), "403 unauthorized");
    assert_eq!(off.refusal(), "403 userActionRequired");
}

#[tokio::test]
async fn refuses_bindings_by_keys_that_are_not_good_here_and_now() {
    let hour = Duration::from_secs(60 * 60);
    for n in 0..4 {
        let world = World::new().await;
        add_key(&world, |key| match n {
            0 => key.kid = "other".to_owned(),
            1 => key.directory = Some("default".to_owned()),
            2 => key.expires_at = Some(world.now().minus(hour)),
            _ => key.mac_key = SecretSlice::from(vec![4; 32]),
        })
        .await;

        let answer = bind_and_register(&world, "bound").await;

        assert_eq!(answer.refusal(), "403 unauthorized", "case {n}");
    }
}

#[tokio::test]
async fn refuses_a_revoked_key() {
    let world = World::new().await;
    add_key(&world, |_| {}).await;
    let event = event(&world, EventKind::ExternalAccountKeyRevoked);
    assert!(
        world
            .store
            .revoke_external_account_key("kid", event)
            .await
            .unwrap()
    );

    let answer = bind_and_register(&world, "bound").await;

    assert_eq!(answer.refusal(), "403 unauthorized");
}

#[tokio::test]
async fn binds_one_account_with_a_key_for_single_use_and_many_with_others() {
    for (single_use, second) in [(true, 403), (false, 201)] {
        let world = World::new().await;
        add_key(&world, |key| key.single_use = single_use).await;

        assert_eq!(bind_and_register(&world, "bound").await.status, 201);
        assert_eq!(bind_and_register(&world, "bound").await.status, second);
    }
}

#[tokio::test]
async fn refuses_bindings_that_say_something_else() {
    let world = World::new().await;
    add_key(&world, |_| {}).await;
    let key = Key::new();
    let account = url("bound", "new-account");
    let bound = bind("kid", &SECRET, &account, &key.jwk());
    let mut unsigned = bound.clone();
    unsigned["signature"] = json!("");
    let cases = [
        (
            bind("kid", &SECRET, &account, &Key::new().jwk()),
            "400 malformed",
        ),
        (
            bind("kid", &SECRET, &url("default", "new-account"), &key.jwk()),
            "400 malformed",
        ),
        (json!({}), "400 malformed"),
        (json!("x"), "400 malformed"),
        (unsigned, "403 unauthorized"),
    ];

    for (binding, expected) in cases {
        let answer = register(&world, "bound", &key, &binding).await;
        assert_eq!(answer.refusal(), expected, "{binding}");
    }
}

#[tokio::test]
async fn a_changed_key_keeps_its_binding() {
    let world = World::new().await;
    add_key(&world, |_| {}).await;
    let key = Key::new();
    let binding = bind("kid", &SECRET, &url("bound", "new-account"), &key.jwk());
    let created = register(&world, "bound", &key, &binding).await;
    let client = Client {
        world: &world,
        key,
        url: created.header("location").to_owned(),
    };

    let answer = client.get(&client.url).await;

    assert_eq!(answer.json(), created.json());
}
