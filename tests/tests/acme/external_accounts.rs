//! External account binding (RFC 8555 §7.3.4).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_tests::RawAcme;
use ca_tests::acme::{AccountKey, KeyKind};
use serde_json::{Value, json};

use crate::CA;

#[tokio::test]
async fn wants_a_binding_where_one_is_required() {
    let mut client = client("bound").await;

    let answer = client.register(json!({})).await;

    answer.expect_problem(403, "externalAccountRequired");
}

#[tokio::test]
async fn binds_an_account_with_a_key_made_on_the_command_line() {
    let credential = Credential::create(&["--directory", "bound"]);
    let mut client = client("bound").await;
    let binding = credential.bind(&client);

    let answer = client
        .register(json!({ "externalAccountBinding": binding }))
        .await;

    let answer = answer.expect_status(201);
    assert_eq!(answer.json()["externalAccountBinding"], binding);
    client
        .new_order(&["bound.example.internal"])
        .await
        .expect_status(201);
}

#[tokio::test]
async fn takes_a_binding_where_it_is_optional() {
    let credential = Credential::create(&[]);
    let mut client = client("default").await;
    let binding = credential.bind(&client);

    let answer = client
        .register(json!({ "externalAccountBinding": binding }))
        .await;

    assert_eq!(
        answer.expect_status(201).json()["externalAccountBinding"],
        binding
    );
}

#[tokio::test]
async fn refuses_each_way_to_get_a_binding_wrong() {
    let credential = Credential::create(&["--directory", "bound"]);
    let stranger = AccountKey::generate(KeyKind::Es256);
    let secret = &credential.secret;

    for (says, header, payload, key) in [
        (
            "an unknown kid",
            json!({ "kid": "nobody" }),
            Value::Null,
            secret.clone(),
        ),
        ("another secret", json!({}), Value::Null, vec![1; 32]),
        (
            "another account's key",
            json!({}),
            stranger.jwk(),
            secret.clone(),
        ),
        (
            "another url",
            json!({ "url": "https://evil.example/" }),
            Value::Null,
            secret.clone(),
        ),
        (
            "a nonce",
            json!({ "nonce": "AAAA" }),
            Value::Null,
            secret.clone(),
        ),
        (
            "another algorithm",
            json!({ "alg": "ES256" }),
            Value::Null,
            secret.clone(),
        ),
        (
            "no MAC",
            json!({ "alg": "none" }),
            Value::Null,
            secret.clone(),
        ),
    ] {
        let mut client = client("bound").await;
        let mut protected = credential.header(&client);
        for (name, value) in header.as_object().unwrap() {
            protected[name] = value.clone();
        }
        let payload = if payload.is_null() {
            client.key.jwk()
        } else {
            payload
        };
        let key = AccountKey::Secret(key);
        let binding = key.jws(&protected, payload.to_string().as_bytes());

        let answer = client
            .register(json!({ "externalAccountBinding": binding }))
            .await;

        let got = (answer.status, answer.problem());
        let fine = got.0 == 400 && got.1 == "malformed"
            || [401, 403].contains(&got.0) && got.1 == "unauthorized";
        assert!(fine, "{says}: {got:?}");
    }
}

#[tokio::test]
async fn refuses_a_key_of_another_directory() {
    let credential = Credential::create(&["--directory", "narrow"]);
    let mut client = client("bound").await;
    let binding = credential.bind(&client);

    let answer = client
        .register(json!({ "externalAccountBinding": binding }))
        .await;

    assert_eq!(answer.problem(), "unauthorized", "{}", answer.text());
}

#[tokio::test]
async fn lets_a_single_use_key_bind_one_account() {
    let credential = Credential::create(&["--single-use"]);
    let mut statuses = Vec::new();

    for _ in 0..2 {
        let mut client = client("bound").await;
        let binding = credential.bind(&client);
        let payload = json!({ "externalAccountBinding": binding });
        statuses.push(client.register(payload).await.status);
    }

    assert_eq!(statuses[0], 201);
    assert!([401, 403].contains(&statuses[1]), "{statuses:?}");
}

#[tokio::test]
async fn refuses_a_key_that_was_revoked() {
    let credential = Credential::create(&[]);
    let revoked = CA.command(&["eab", "revoke", &credential.kid]);
    assert!(revoked.status.success(), "{revoked:?}");
    let mut client = client("bound").await;
    let binding = credential.bind(&client);

    let answer = client
        .register(json!({ "externalAccountBinding": binding }))
        .await;

    assert_eq!(answer.problem(), "unauthorized", "{}", answer.text());
}

#[tokio::test]
async fn ignores_a_binding_where_bindings_are_off() {
    let mut client = client("narrow").await;

    let answer = client
        .register(json!({ "externalAccountBinding": { "protected": "nonsense" } }))
        .await;

    answer.expect_status(201);
}

/// An external account key.
struct Credential {
    kid: String,
    secret: Vec<u8>,
}

impl Credential {
    /// Makes one as an operator does.
    fn create(options: &[&str]) -> Self {
        let output = CA.command(&[&["eab", "create"], options].concat());
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        let value = |label: &str| {
            let line = said.lines().find_map(|line| line.strip_prefix(label));
            line.unwrap().trim().to_owned()
        };
        Self {
            kid: value("kid"),
            secret: URL_SAFE_NO_PAD.decode(value("hmac key")).unwrap(),
        }
    }

    fn header(&self, client: &RawAcme<'_>) -> Value {
        json!({ "alg": "HS256", "kid": self.kid, "url": client.url("newAccount") })
    }

    fn bind(&self, client: &RawAcme<'_>) -> Value {
        let jwk = client.key.jwk().to_string();
        AccountKey::Secret(self.secret.clone()).jws(&self.header(client), jwk.as_bytes())
    }
}

async fn client(directory: &str) -> RawAcme<'static> {
    RawAcme::at(&CA, directory, AccountKey::generate(KeyKind::Es256)).await
}
