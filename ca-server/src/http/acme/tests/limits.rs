use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Client, Key, post_with_key, url};
use super::world::{Answer, World};
use crate::config::{AccountLimits, AddressLimits, LimitsSection};

/// Checks a refusal and returns for how many seconds.
fn limited_for(answer: &Answer) -> u64 {
    assert_eq!(answer.refusal(), "429 rateLimited");
    assert!(!answer.header("replay-nonce").is_empty(), "{answer:?}");
    answer.header("retry-after").parse().unwrap()
}

fn of_address(address: AddressLimits) -> LimitsSection {
    LimitsSection {
        address,
        ..LimitsSection::default()
    }
}

fn of_account(account: AccountLimits) -> LimitsSection {
    LimitsSection {
        account,
        ..LimitsSection::default()
    }
}

async fn order(client: &Client<'_>, name: &str) -> Answer {
    let wanted = json!({"identifiers": [{"type": "dns", "value": name}]});
    client.post(&url("default", "new-order"), &wanted).await
}

#[tokio::test]
async fn an_address_that_asks_too_often_waits_before_anything_is_verified() {
    let world = World::with_limits(of_address(AddressLimits {
        requests_per_minute: 60,
        burst: 2,
        ..AddressLimits::default()
    }))
    .await;
    let forged = json!({"protected": "", "payload": "", "signature": ""}).to_string();
    let orders = url("default", "new-order");
    let post = || world.post(&orders, forged.clone());

    let (first, second, third) = (post().await, post().await, post().await);
    let directory = world.request("GET", &url("default", "directory")).await;
    world.move_to([192, 0, 2, 2]);
    let other = post().await;

    assert_eq!(first.refusal(), "400 malformed");
    assert_eq!(second.refusal(), "400 malformed");
    assert_eq!(limited_for(&third), 1);
    assert_eq!(directory.refusal(), "429 rateLimited");
    assert_eq!(other.refusal(), "400 malformed");
}

#[tokio::test]
async fn an_address_makes_so_many_accounts_and_keeps_those_it_has() {
    let world = World::with_limits(of_address(AddressLimits {
        new_accounts_per_minute: 2,
        ..AddressLimits::default()
    }))
    .await;
    let keys = [(); 3].map(|()| Key::new());
    let register = |key| post_with_key_of(&world, key, json!({"termsOfServiceAgreed": true}));

    let first = register(&keys[0]).await;
    let second = register(&keys[1]).await;
    let third = register(&keys[2]).await;
    let again = register(&keys[0]).await;
    world.move_to([192, 0, 2, 2]);
    let elsewhere = register(&keys[2]).await;

    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201));
    assert!((1..=30).contains(&limited_for(&third)));
    assert_eq!(again.status, 200);
    assert_eq!(elsewhere.status, 201);
}

async fn post_with_key_of(world: &World, key: &Key, payload: Value) -> Answer {
    post_with_key(world, &url("default", "new-account"), key, &payload).await
}

#[tokio::test]
async fn an_account_that_asks_too_often_makes_no_other_wait() {
    let world = World::with_limits(of_account(AccountLimits {
        requests_per_minute: 60,
        burst: 2,
        ..AccountLimits::default()
    }))
    .await;
    let (greedy, modest) = (
        Client::register(&world, "default").await,
        Client::register(&world, "default").await,
    );

    let answers = [
        greedy.get(&greedy.url).await,
        greedy.get(&greedy.url).await,
        greedy.get(&greedy.url).await,
    ];
    let other = modest.get(&modest.url).await;

    assert_eq!([answers[0].status, answers[1].status], [200, 200]);
    assert_eq!(limited_for(&answers[2]), 1);
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn nobody_spends_what_another_account_may_ask_for() {
    let world = World::with_limits(of_account(AccountLimits {
        requests_per_minute: 60,
        burst: 2,
        ..AccountLimits::default()
    }))
    .await;
    let victim = Client::register(&world, "default").await;
    let forger = Client {
        world: &world,
        key: Key::new(),
        url: victim.url.clone(),
    };

    for _ in 0..5 {
        let forged = forger.get(&victim.url).await;
        assert_ne!(forged.status, 429);
    }

    assert_eq!(victim.get(&victim.url).await.status, 200);
}

#[tokio::test]
async fn an_account_places_so_many_orders_refused_ones_included() {
    let world = World::with_limits(of_account(AccountLimits {
        new_orders_per_minute: 2,
        ..AccountLimits::default()
    }))
    .await;
    let client = Client::register(&world, "default").await;

    let placed = order(&client, "a.example").await;
    let refused = order(&client, "no name").await;
    let limited = order(&client, "b.example").await;
    let shown = client.get(placed.header("location")).await;

    assert_eq!(placed.status, 201);
    assert_eq!(refused.status, 400);
    assert!((1..=30).contains(&limited_for(&limited)));
    assert_eq!(shown.status, 200);
}

#[tokio::test]
async fn an_account_has_so_many_unfinished_orders_and_goes_on_when_one_is_finished() {
    let world = World::with_limits(of_account(AccountLimits {
        unfinished_orders: 2,
        ..AccountLimits::default()
    }))
    .await;
    let client = Client::register(&world, "default").await;
    let other = Client::register(&world, "default").await;

    assert_eq!(order(&client, "a.example").await.status, 201);
    client.issue("b.example").await;
    assert_eq!(order(&client, "c.example").await.status, 201);
    let limited = order(&client, "d.example").await;

    assert_eq!(limited_for(&limited), 60);
    assert_eq!(order(&other, "a.example").await.status, 201);
}

#[tokio::test]
async fn an_account_makes_so_many_authorizations_ahead_of_orders() {
    let world = World::with_limits(of_account(AccountLimits {
        new_authorizations_per_hour: 1,
        ..AccountLimits::default()
    }))
    .await;
    let client = Client::register(&world, "default").await;
    let authorize = async |name: &str| {
        let wanted = json!({"identifier": {"type": "dns", "value": name}});
        client
            .post(&url("default", "new-authorization"), &wanted)
            .await
    };

    let first = authorize("a.example").await;
    let again = authorize("a.example").await;
    let second = authorize("b.example").await;

    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 200));
    assert!(limited_for(&second) > 3_000);
}

#[tokio::test]
async fn a_name_that_fails_too_often_waits_for_its_next_attempt_and_no_other_name_does() {
    let world = World::with_limits(of_account(AccountLimits {
        failed_validations_per_hour: 2,
        ..AccountLimits::default()
    }))
    .await;
    let client = Client::register(&world, "default").await;
    let waiting = challenge(&client, "absent.example").await;
    for _ in 0..2 {
        let challenge = challenge(&client, "absent.example").await;
        let failed = client.post(&challenge, &json!({})).await;
        assert_eq!(failed.json()["status"], "invalid");
    }

    let placed = order(&client, "absent.example").await;
    let answered = client.post(&waiting, &json!({})).await;
    let elsewhere = order(&client, "a.example").await;
    let wait = limited_for(&placed);
    world.advance(Duration::from_secs(wait));
    let later = client.post(&waiting, &json!({})).await;

    assert_eq!(placed.json()["identifier"]["value"], "absent.example");
    assert_eq!(limited_for(&answered), wait);
    assert_eq!(elsewhere.status, 201);
    assert_eq!(later.json()["status"], "invalid");
}

/// Places an order and returns its challenge.
async fn challenge(client: &Client<'_>, name: &str) -> String {
    let order = order(client, name).await.json();
    let url = order["authorizations"][0].as_str().unwrap();
    let authorization = client.get(url).await.json();
    authorization["challenges"][0]["url"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn zero_is_no_limit() {
    let none = LimitsSection {
        address: AddressLimits {
            requests_per_minute: 0,
            burst: 0,
            new_accounts_per_minute: 0,
            connections: 0,
            exempt: Vec::new(),
        },
        account: AccountLimits {
            requests_per_minute: 0,
            burst: 0,
            new_orders_per_minute: 0,
            unfinished_orders: 0,
            new_authorizations_per_hour: 0,
            failed_validations_per_hour: 0,
        },
    };
    let world = World::with_limits(none).await;
    let client = Client::register(&world, "default").await;

    for number in 0..20 {
        let challenge = challenge(&client, &format!("absent.n{}.example", number % 2)).await;
        assert_eq!(client.post(&challenge, &json!({})).await.status, 200);
        assert_eq!(order(&client, "a.example").await.status, 201);
    }
}
