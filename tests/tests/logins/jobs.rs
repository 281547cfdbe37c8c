//! CI jobs trade their token for one of ours (RFC 8693), or show it as it is.

use std::fs;
use std::sync::LazyLock;

use ca_identity::testing::TestIssuer;
use ca_issuance::Clock;
use ca_issuance::world::SystemClock;
use ca_tests::TestCa;
use serde_json::json;

use crate::caller::{Answer, Caller, create_token};

/// A CA that knows an issuer of tokens by a file, and that issuer.
static SITE: LazyLock<(TestCa, TestIssuer)> = LazyLock::new(|| {
    let issuer = TestIssuer::new("https://ci.example.internal");
    let ca = TestCa::builder()
        .append(
            r#"
            [[oidc]]
            name = "ci"
            issuer = "https://ci.example.internal"
            audience = "https://ca.example.internal"
            jwks_file = "jwks.json"
            algorithms = ["ES256"]

            [[operator]]
            name = "release-jobs"
            role = "auditor"
            who = { oidc = "ci", claims = { ref_protected = "true" } }
            "#,
        )
        .prepare();
    fs::write(ca.folder().join("jwks.json"), issuer.key_set()).unwrap();
    ca.start();
    (ca, issuer)
});

#[tokio::test]
async fn a_job_exchanges_its_token_for_one_that_can_be_ended() {
    let caller = Caller::of(&SITE.0);
    let exchanged = exchange(&caller, &token("exchanging")).await;
    let token = exchanged.text("access_token");

    let identity = caller.whoami(token).await;
    let ended = caller
        .post_form("/oauth2/revoke", &[("token", token)])
        .await;
    let after = caller.whoami(token).await;

    assert_eq!(exchanged.body["issued_token_type"], ACCESS_TOKEN);
    assert!(exchanged.body.get("refresh_token").is_none());
    // The token of the job ends before ours would.
    assert!(exchanged.body["expires_in"].as_u64().unwrap() <= 300);
    assert_eq!(identity.body["name"], "oidc:ci:exchanging", "{identity:?}");
    assert_eq!(identity.body["role"], "auditor", "{identity:?}");
    assert_eq!(ended.status, 200, "{ended:?}");
    assert_eq!(after.status, 401, "{after:?}");
}

#[tokio::test]
async fn a_job_that_shows_its_token_many_times_is_one_event() {
    let caller = Caller::of(&SITE.0);
    let token = token("showing");

    for _ in 0..3 {
        assert_eq!(caller.whoami(&token).await.body["credential"], "ci-token");
    }

    let (_, admin) = create_token(&SITE.0, "anna");
    let events = caller.events(&admin, "login.succeeded").await;
    let own = events
        .iter()
        .filter(|event| event["actor"] == "oidc:ci:showing");
    assert_eq!(own.count(), 1, "{events:?}");
}

#[tokio::test]
async fn a_refused_token_is_written_down_with_its_reason() {
    let caller = Caller::of(&SITE.0);
    let mut claims = SITE.1.claims("expired", AUDIENCE, SystemClock.now());
    claims.insert("iat".into(), json!(1_700_000_000));
    claims.insert("nbf".into(), json!(1_700_000_000));
    claims.insert("exp".into(), json!(1_700_000_300));
    let expired = SITE.1.token(&claims);

    let answer = exchange(&caller, &expired).await;

    answer.expect_error(400, "invalid_request");
    assert_eq!(answer.text("error_description"), "the token has expired");
    let (_, admin) = create_token(&SITE.0, "bert");
    let failed = caller.events(&admin, "login.failed").await;
    let own = failed
        .iter()
        .find(|event| event["subject"] == "https://ci.example.internal expired");
    let details = &own.unwrap()["details"];
    assert_eq!(details["credential"], "token-exchange");
    assert_eq!(details["reason"], "the token has expired");
}

#[tokio::test]
async fn a_token_is_exchanged_for_this_server_only_and_for_nobody_else() {
    let caller = Caller::of(&SITE.0);
    let token = token("wanting");
    let cases = [
        ("audience", "https://other.example", "invalid_target"),
        ("actor_token", "a.b.c", "invalid_request"),
        ("scope", "admin", "invalid_scope"),
        (
            "requested_token_type",
            "urn:ietf:params:oauth:token-type:refresh_token",
            "invalid_request",
        ),
    ];

    for (name, value, error) in cases {
        let mut form = form_of(&token).to_vec();
        form.push((name, value));

        let answer = caller.post_form("/oauth2/token", &form).await;

        answer.expect_error(400, error);
    }
}

async fn exchange(caller: &Caller, token: &str) -> Answer {
    caller.post_form("/oauth2/token", &form_of(token)).await
}

fn form_of(token: &str) -> [(&'static str, &str); 3] {
    [
        (
            "grant_type",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ),
        ("subject_token", token),
        (
            "subject_token_type",
            "urn:ietf:params:oauth:token-type:id_token",
        ),
    ]
}

fn token(subject: &str) -> String {
    let mut claims = SITE.1.claims(subject, AUDIENCE, SystemClock.now());
    claims.insert("ref_protected".into(), json!("true"));
    SITE.1.token(&claims)
}

const AUDIENCE: &str = "https://ca.example.internal";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
