//! Key rollover (RFC 8555 §7.3.5).

use ca_tests::RawAcme;
use ca_tests::acme::{AccountKey, Answer, KeyKind};
use serde_json::{Value, json};

use crate::CA;

#[tokio::test]
async fn gives_an_account_a_new_key_of_another_kind() {
    let client = RawAcme::registered(&CA).await;
    let order = client.order(&["rollover.example.internal"]).await;
    let new_key = AccountKey::generate(KeyKind::Es384);

    let changed = change(&client, &new_key, Inner::right(&client)).await;

    changed.expect_status(200);
    let by_old_key = client.read(&order.url).send().await;
    assert!(
        [400, 401].contains(&by_old_key.status),
        "{}",
        by_old_key.text()
    );
    let mut renewed = client.with_key(new_key);
    let found = renewed.register(json!({})).await.expect_status(200);
    assert_eq!(found.header("location"), client.kid.as_deref());
    renewed.read(&order.url).send().await.expect_status(200);
}

#[tokio::test]
async fn points_at_the_account_that_has_the_key_already() {
    let client = RawAcme::registered(&CA).await;
    let mut other = RawAcme::new(&CA).await;
    let taken = AccountKey::generate(KeyKind::Es256);
    let mut holder = other.with_key(taken);
    holder.register(json!({})).await.expect_status(201);
    other.register(json!({})).await.expect_status(201);

    let answer = change(&client, &holder.key, Inner::right(&client)).await;

    let answer = answer.expect_problem(409, "malformed");
    assert_eq!(answer.header("location"), holder.kid.as_deref());
}

#[tokio::test]
async fn refuses_each_way_to_get_the_inner_signature_wrong() {
    let client = RawAcme::registered(&CA).await;
    let right = || Inner::right(&client);
    let stranger = RawAcme::registered(&CA).await;

    let cases = [
        (
            "another url",
            Inner {
                url: client.url("newOrder"),
                ..right()
            },
        ),
        (
            "another account",
            Inner {
                account: stranger.kid.clone().unwrap(),
                ..right()
            },
        ),
        (
            "another old key",
            Inner {
                old_key: stranger.key.jwk(),
                ..right()
            },
        ),
        (
            "no old key",
            Inner {
                old_key: Value::Null,
                ..right()
            },
        ),
        (
            "a kid instead of the key",
            Inner {
                kid: client.kid.clone(),
                ..right()
            },
        ),
    ];
    for (says, inner) in cases {
        let new_key = AccountKey::generate(KeyKind::Es256);

        let answer = change(&client, &new_key, inner).await;

        assert_eq!(
            (answer.status, answer.problem()),
            (400, "malformed".into()),
            "{says}"
        );
    }
}

#[tokio::test]
async fn refuses_an_inner_signature_by_another_key() {
    let client = RawAcme::registered(&CA).await;
    let (new_key, thief) = (
        AccountKey::generate(KeyKind::Es256),
        AccountKey::generate(KeyKind::Es256),
    );
    let url = client.url("keyChange");
    let payload = json!({ "account": client.kid, "oldKey": client.key.jwk() });
    let header = json!({ "alg": "ES256", "jwk": new_key.jwk(), "url": url });
    let inner = thief.jws(&header, payload.to_string().as_bytes());

    let answer = client.post(&url, &inner).send().await;

    answer.expect_problem(400, "malformed");
}

#[tokio::test]
async fn refuses_a_new_key_that_is_weak() {
    let client = RawAcme::registered(&CA).await;
    let secret = AccountKey::Secret(vec![7; 32]);

    let answer = change(&client, &secret, Inner::right(&client)).await;

    assert_eq!(answer.status, 400, "{}", answer.text());
}

/// What the inner JWS says.
struct Inner {
    url: String,
    account: String,
    old_key: Value,
    kid: Option<String>,
}

impl Inner {
    fn right(client: &RawAcme<'_>) -> Self {
        Self {
            url: client.url("keyChange"),
            account: client.kid.clone().unwrap(),
            old_key: client.key.jwk(),
            kid: None,
        }
    }
}

async fn change(client: &RawAcme<'_>, new_key: &AccountKey, inner: Inner) -> Answer {
    let payload = json!({ "account": inner.account, "oldKey": inner.old_key });
    let header = match inner.kid {
        Some(kid) => json!({ "alg": new_key.algorithm(), "kid": kid, "url": inner.url }),
        None => json!({ "alg": new_key.algorithm(), "jwk": new_key.jwk(), "url": inner.url }),
    };
    let inner = new_key.jws(&header, payload.to_string().as_bytes());
    client.post(&client.url("keyChange"), &inner).send().await
}
