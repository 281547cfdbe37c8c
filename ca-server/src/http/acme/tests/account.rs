use futures_util::future::join_all;
use serde_json::{Value, json};

use super::client::{Client, Key, post_with_key, url};
use super::world::{Answer, World};

async fn register(world: &World, directory: &str, key: &Key, wanted: &Value) -> Answer {
    post_with_key(world, &url(directory, "new-account"), key, wanted).await
}

#[tokio::test]
async fn makes_an_account_and_says_where_it_is() {
    let world = World::new().await;
    let wanted = json!({"contact": ["mailto:anna@example.org"], "termsOfServiceAgreed": true});

    let answer = register(&world, "default", &Key::new(), &wanted).await;

    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("content-type"), "application/json");
    let location = answer.header("location");
    assert!(location.starts_with("https://ca.example/acme/default/account/"));
    assert_eq!(
        answer.json(),
        json!({
            "status": "valid",
            "contact": ["mailto:anna@example.org"],
            "termsOfServiceAgreed": true,
            "orders": format!("{location}/orders"),
        })
    );
}

#[tokio::test]
async fn returns_the_account_that_a_key_has_already_unchanged() {
    let world = World::new().await;
    let key = Key::new();
    let first = json!({"contact": ["mailto:anna@example.org"]});
    let created = register(&world, "default", &key, &first).await;

    for wanted in [
        json!({"contact": ["mailto:other@example.org"]}),
        json!({"onlyReturnExisting": true, "contact": []}),
    ] {
        let found = register(&world, "default", &key, &wanted).await;
        assert_eq!(found.status, 200);
        assert_eq!(found.header("location"), created.header("location"));
        assert_eq!(found.json(), created.json());
    }
}

#[tokio::test]
async fn makes_one_account_of_many_simultaneous_registrations() {
    let world = World::new().await;
    let key = Key::new();
    let wanted = json!({});

    let answers = join_all((0..8).map(|_| register(&world, "default", &key, &wanted))).await;

    let created = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(created, 1);
    let location = answers[0].header("location");
    assert!(
        answers
            .iter()
            .all(|answer| answer.header("location") == location)
    );
}

#[tokio::test]
async fn keeps_accounts_of_different_directories_apart() {
    let world = World::new().await;
    let key = Key::new();
    register(&world, "default", &key, &json!({})).await;

    let wanted = json!({"onlyReturnExisting": true});
    let answer = register(&world, "terms", &key, &wanted).await;

    assert_eq!(answer.refusal(), "400 accountDoesNotExist");
}

#[tokio::test]
async fn refuses_what_newaccount_must_not_hold() {
    let world = World::new().await;
    let many = vec!["mailto:anna@example.org"; 11];
    let cases = [
        (
            json!({"onlyReturnExisting": true}),
            "400 accountDoesNotExist",
        ),
        (json!({"contact": ["tel:+49123"]}), "400 unsupportedContact"),
        (
            json!({"contact": ["mailto:a@b.org?cc=c@d.org"]}),
            "400 invalidContact",
        ),
        (
            json!({"contact": ["mailto:a@b.org,c@d.org"]}),
            "400 invalidContact",
        ),
        (json!({"contact": many}), "400 invalidContact"),
        (json!({"contact": "mailto:a@b.org"}), "400 malformed"),
        (json!({"contact": [1]}), "400 malformed"),
        (json!({"onlyReturnExisting": "yes"}), "400 malformed"),
        (json!([]), "400 malformed"),
        (json!("{}"), "400 malformed"),
        (Value::Null, "400 malformed"),
    ];

    for (wanted, expected) in cases {
        let answer = register(&world, "default", &Key::new(), &wanted).await;
        assert_eq!(answer.refusal(), expected, "{wanted}");
    }
}

#[tokio::test]
async fn asks_for_agreement_only_where_there_are_terms() {
    let world = World::new().await;

    let without = register(&world, "terms", &Key::new(), &json!({})).await;
    let with = json!({"termsOfServiceAgreed": true});
    let with = register(&world, "terms", &Key::new(), &with).await;
    let no_terms = register(&world, "default", &Key::new(), &json!({"contact": null})).await;

    assert_eq!(without.refusal(), "403 userActionRequired");
    assert_eq!(without.json()["instance"], "https://ca.example/terms");
    assert_eq!(
        without.headers.get("link").unwrap(),
        "<https://ca.example/terms>;rel=\"terms-of-service\""
    );
    assert_eq!(with.status, 201);
    assert_eq!(no_terms.status, 201);
}

#[tokio::test]
async fn updates_contacts_and_ignores_what_it_does_not_know() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    let wanted = json!({
        "status": "", "contact": ["mailto:new@example.org"], "orders": null, "unknown": {},
    });

    let updated = client.post(&client.url, &wanted).await;
    let untouched = client.post(&client.url, &json!({"contact": null})).await;
    let refused = client.post(&client.url, &json!({"contact": ["x"]})).await;

    assert_eq!(updated.status, 200);
    assert_eq!(updated.json()["contact"], json!(["mailto:new@example.org"]));
    assert_eq!(untouched.json(), updated.json());
    assert_eq!(refused.refusal(), "400 invalidContact");
    assert_eq!(client.get(&client.url).await.json(), updated.json());
}

#[tokio::test]
async fn shows_an_account_to_itself_only() {
    let world = World::new().await;
    let anna = Client::register(&world, "default").await;
    let eve = Client::register(&world, "default").await;

    for url in [anna.url.clone(), format!("{}/orders", anna.url)] {
        assert_eq!(eve.get(&url).await.refusal(), "403 unauthorized");
    }
    let attack = eve.post(&anna.url, &json!({"status": "deactivated"})).await;

    assert_eq!(attack.refusal(), "403 unauthorized");
    assert_eq!(anna.get(&anna.url).await.json()["status"], "valid");
}

#[tokio::test]
async fn a_deactivated_account_can_do_nothing_more() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;

    let ended = client
        .post(&client.url, &json!({"status": "deactivated"}))
        .await;

    assert_eq!(ended.status, 200);
    assert_eq!(ended.json()["status"], "deactivated");
    assert_eq!(client.get(&client.url).await.refusal(), "401 unauthorized");
    let order = json!({"identifiers": [{"type": "dns", "value": "a.example"}]});
    let order = client.post(&url("default", "new-order"), &order).await;
    assert_eq!(order.refusal(), "401 unauthorized");
    for wanted in [json!({}), json!({"onlyReturnExisting": true})] {
        let again = register(&world, "default", &client.key, &wanted).await;
        assert_eq!(again.refusal(), "401 unauthorized");
    }
}

#[tokio::test]
async fn lists_orders_page_by_page() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;
    for n in 0..101 {
        let order = json!({"identifiers": [{"type": "dns", "value": format!("n{n}.example")}]});
        let placed = client.post(&url("default", "new-order"), &order).await;
        assert_eq!(placed.status, 201, "{placed:?}");
    }

    let first = client.get(&format!("{}/orders", client.url)).await;
    let next = first.headers.get_all("link").iter().find_map(|link| {
        link.to_str()
            .unwrap()
            .strip_prefix('<')?
            .strip_suffix(">;rel=\"next\"")
    });
    let second = client.get(next.unwrap()).await;

    assert_eq!(first.json()["orders"].as_array().unwrap().len(), 100);
    assert_eq!(second.json()["orders"].as_array().unwrap().len(), 1);
    assert!(
        second
            .headers
            .get_all("link")
            .iter()
            .all(|link| !link.to_str().unwrap().contains("next"))
    );
}

#[tokio::test]
async fn takes_any_cursor_without_harm() {
    let world = World::new().await;
    let client = Client::register(&world, "default").await;

    for cursor in ["", "x", "-1", "9999999999999999999999", "%27", "%00", "%ff"] {
        let answer = client
            .get(&format!("{}/orders?cursor={cursor}", client.url))
            .await;
        assert!(answer.status.as_u16() < 500, "{cursor}: {answer:?}");
    }
}
