//! Clients show their secret.

use ca_tests::TestCa;
use serde_json::json;

use crate::CA;
use crate::caller::{Caller, Secret, add_client, create_token};

#[tokio::test]
async fn a_client_logs_in_by_basic_by_form_and_by_json() {
    let (caller, client) = (Caller::of(&CA), add_client(&CA, "deployer"));
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", client.id.as_str()),
        ("client_secret", client.secret.as_str()),
    ];
    let login = json!({ "clientId": client.id, "clientSecret": client.secret });

    let by_basic = caller.log_in(&client).await;
    let by_form = caller.post_form("/oauth2/token", &form).await;
    let by_json = caller.post_json("/api/authenticate/app", &login).await;

    assert_eq!(by_basic.headers["cache-control"], "no-store");
    assert_eq!(by_basic.body["token_type"], "Bearer");
    assert_eq!(by_basic.body["expires_in"], 900);
    for token in [
        by_basic.text("access_token"),
        by_form.text("access_token"),
        by_json.text("token"),
    ] {
        let identity = caller.whoami(token).await;
        assert_eq!(identity.body["name"], "client:deployer", "{identity:?}");
    }
    let refreshed = caller.refresh(&client, by_json.text("refreshToken")).await;
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
}

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_client_look_alike() {
    let (caller, client) = (Caller::of(&CA), add_client(&CA, "misled"));
    let secret = "cas_wrong".to_owned();
    let wrong = Secret { secret, ..client };
    let unknown = Secret {
        id: "nobody".to_owned(),
        ..wrong.clone()
    };

    let (wrong, unknown) = (caller.log_in(&wrong).await, caller.log_in(&unknown).await);

    wrong.expect_error(401, "invalid_client");
    unknown.expect_error(401, "invalid_client");
    assert_eq!(wrong.body, unknown.body);
    let challenge = wrong.headers["www-authenticate"].to_str().unwrap();
    assert!(challenge.starts_with("Basic "), "{challenge}");
}

#[tokio::test]
async fn guessing_is_slowed_down_and_written_down() {
    let ca = TestCa::quickstart();
    let (caller, client) = (Caller::of(&ca), add_client(&ca, "deployer"));
    let (_, admin) = create_token(&ca, "anna");
    let wrong = Secret {
        id: client.id.clone(),
        secret: "cas_wrong".to_owned(),
    };
    // The wait is doubled with each failure: how many come through depends on how fast they come.
    let mut answers = Vec::new();
    for _ in 0..12 {
        answers.push(caller.log_in(&wrong).await);
    }

    let owner = caller.log_in(&client).await;

    assert!(answers.iter().take(5).all(|answer| answer.status == 401));
    let judged = answers.iter().filter(|answer| answer.status == 401).count();
    assert!(judged < 12, "{answers:?}");
    assert_eq!(owner.status, 429, "{owner:?}");
    assert!(owner.headers.contains_key("retry-after"));
    let failed = caller.events(&admin, "login.failed").await;
    assert_eq!(failed.len(), judged);
    for event in failed {
        assert_eq!(event["subject"], "client:deployer", "{event}");
        assert_eq!(event["details"]["address"], "127.0.0.1", "{event}");
    }
}

#[tokio::test]
async fn a_removed_client_is_out_at_its_next_request() {
    let (caller, client) = (Caller::of(&CA), add_client(&CA, "leaver"));
    let tokens = caller.log_in(&client).await;

    let removed = CA.command(&["client", "remove", "leaver"]);

    assert!(removed.status.success(), "{removed:?}");
    assert_eq!(caller.whoami(tokens.text("access_token")).await.status, 401);
    let refreshed = caller.refresh(&client, tokens.text("refresh_token")).await;
    refreshed.expect_error(401, "invalid_client");
    let again = CA.command(&["client", "remove", "leaver"]);
    assert_eq!(again.status.code(), Some(7), "{again:?}");
}

#[tokio::test]
async fn clients_are_listed_without_their_secrets() {
    let client = add_client(&CA, "listed");

    let listed = CA.command(&["client", "list"]);

    let text = String::from_utf8_lossy(&listed.stdout);
    assert!(text.starts_with("deployer\t-\t"), "{text}");
    assert!(!text.contains("argon2") && !text.contains(&client.secret));
    let twice = CA.command(&["client", "add", "--id", "listed"]);
    assert_eq!(twice.status.code(), Some(7), "{twice:?}");
    let wrong = CA.command(&["client", "add", "--id", "not listed"]);
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
}
