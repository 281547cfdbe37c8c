use std::time::Duration;

use serde_json::{Value, json};

use super::call::Answer;
use super::world::World;

const EXCHANGE: &str = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange\
                        &subject_token_type=urn:ietf:params:oauth:token-type:id_token";

/// Returns `status error` of an OAuth error.
fn error(answer: &Answer) -> String {
    assert_eq!(
        answer.header("content-type"),
        "application/json",
        "{answer:?}"
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.json();
    assert!(!body["error_description"].as_str().unwrap().is_empty());
    format!(
        "{} {}",
        answer.status.as_u16(),
        body["error"].as_str().unwrap()
    )
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap()
}

async fn refresh(world: &World, token: &str) -> Answer {
    let form = format!(
        "grant_type=refresh_token&refresh_token={token}&client_id=deployer&client_secret={}",
        world.secret
    );
    world.form("/oauth2/token", &form).send().await
}

async fn whoami(world: &World, token: &str) -> Answer {
    world.get("/api/v1/whoami").bearer(token).send().await
}

#[tokio::test]
async fn gives_a_client_tokens_for_its_secret() {
    let world = World::new().await;

    let tokens = world.log_in().await;

    let caller = whoami(&world, text(&tokens, "access_token")).await;
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 900);
    assert_eq!(caller.json()["name"], "client:deployer");
    assert_eq!(caller.json()["credential"], "access-token");
}

#[tokio::test]
async fn an_access_token_ends_after_fifteen_minutes() {
    let world = World::new().await;
    let token = world.deployer().await;

    world.clock.advance(Duration::from_secs(15 * 60 + 1));

    assert_eq!(whoami(&world, &token).await.refusal(), "401 unauthorized");
}

#[tokio::test]
async fn a_replayed_refresh_token_ends_its_family() {
    let world = World::new().await;
    let first = world.log_in().await;

    let second = refresh(&world, text(&first, "refresh_token")).await;
    let replayed = refresh(&world, text(&first, "refresh_token")).await;
    let third = refresh(&world, text(&second.json(), "refresh_token")).await;

    assert_eq!(second.status, 200);
    assert_eq!(error(&replayed), "400 invalid_grant");
    assert_eq!(error(&third), "400 invalid_grant");
    let access = text(&second.json(), "access_token").to_owned();
    assert_eq!(whoami(&world, &access).await.refusal(), "401 unauthorized");
}

#[tokio::test]
async fn exchanges_the_token_of_a_ci_job() {
    let world = World::new().await;

    let form = format!("{EXCHANGE}&subject_token={}", world.ci_token());
    let tokens = world.form("/oauth2/token", &form).send().await;
    let forged = format!("{EXCHANGE}&subject_token=a.b.c");
    let forged = world.form("/oauth2/token", &forged).send().await;

    let body = tokens.json();
    assert_eq!(text(&body, "issued_token_type"), ACCESS_TOKEN);
    assert!(body.get("refresh_token").is_none());
    let caller = whoami(&world, text(&body, "access_token")).await.json();
    assert_eq!(caller["name"], "oidc:gitlab:project_path:infra/web");
    assert_eq!(caller["claims"]["ref_protected"], "true");
    assert_eq!(error(&forged), "400 invalid_request");
}

#[tokio::test]
async fn says_in_the_words_of_oauth_what_is_wrong() {
    let world = World::new().await;
    let secret = &world.secret;
    let cases = [
        (String::new(), "400 invalid_request"),
        (
            "grant_type=password".to_owned(),
            "400 unsupported_grant_type",
        ),
        (
            "grant_type=client_credentials".to_owned(),
            "401 invalid_client",
        ),
        (
            "grant_type=client_credentials&client_id=deployer&client_secret=no".to_owned(),
            "401 invalid_client",
        ),
        (
            format!(
                "grant_type=client_credentials&client_id=deployer&client_secret={secret}&scope=a"
            ),
            "400 invalid_scope",
        ),
        (
            format!(
                "grant_type=refresh_token&client_id=deployer&client_secret={secret}\
                 &refresh_token=car_none"
            ),
            "400 invalid_grant",
        ),
    ];

    for (form, expected) in cases {
        let answer = world.form("/oauth2/token", &form).send().await;

        assert_eq!(error(&answer), expected, "{form}");
        let challenged = answer.header("www-authenticate").starts_with("Basic");
        assert_eq!(challenged, answer.status == 401);
    }
}

#[tokio::test]
async fn slows_guesses_down() {
    let world = World::new().await;
    let wrong = "grant_type=client_credentials&client_id=deployer&client_secret=no";

    for _ in 0..5 {
        world.form("/oauth2/token", wrong).send().await;
    }
    let throttled = world.form("/oauth2/token", wrong).send().await;

    assert_eq!(throttled.refusal(), "429 rate-limited");
    assert!(throttled.header("retry-after").parse::<u64>().unwrap() >= 1);
}

#[tokio::test]
async fn a_revoked_token_is_out_at_its_next_request() {
    let world = World::new().await;
    let tokens = world.log_in().await;
    let access = text(&tokens, "access_token");

    let unknown = world.form("/oauth2/revoke", "token=unknown").send().await;
    let stranger = format!("token={access}");
    let stranger = world.form("/oauth2/revoke", &stranger).send().await;
    let alive = whoami(&world, access).await;
    let form = format!(
        "token={access}&client_id=deployer&client_secret={}",
        world.secret
    );
    let revoked = world.form("/oauth2/revoke", &form).send().await;

    assert_eq!(unknown.status, 200);
    assert_eq!(error(&stranger), "401 invalid_client");
    assert_eq!(alive.status, 200);
    assert_eq!(revoked.status, 200);
    assert_eq!(whoami(&world, access).await.refusal(), "401 unauthorized");
}

#[tokio::test]
async fn logs_programs_in_that_speak_json() {
    let world = World::new().await;
    let path = "/api/authenticate/app";
    let right = json!({"clientId": "deployer", "clientSecret": world.secret});
    let wrong = json!({"clientId": "deployer", "clientSecret": "no"});

    let tokens = world.post(path, &right).send().await;
    let refused = world.post(path, &wrong).send().await;

    let body = tokens.json();
    assert_eq!(whoami(&world, text(&body, "token")).await.status, 200);
    assert_eq!(
        refresh(&world, text(&body, "refreshToken")).await.status,
        200
    );
    assert_eq!(refused.refusal(), "401 unauthorized");
}

#[tokio::test]
async fn a_token_is_bound_to_the_certificate_that_was_shown() {
    let world = World::new().await;
    let issued = world
        .issue(&world.deployer().await, &["a.ci.example"])
        .await;
    let form = format!(
        "grant_type=client_credentials&client_id=deployer&client_secret={}",
        world.secret
    );

    let call = world
        .form("/oauth2/token", &form)
        .over(&issued.certificate());
    let tokens = call.send().await.json();

    let token = text(&tokens, "access_token");
    let bound = world.get("/api/v1/whoami").bearer(token);
    let bound = bound.over(&issued.certificate()).send().await;
    assert_eq!(bound.json()["name"], "client:deployer");
    assert_eq!(whoami(&world, token).await.refusal(), "401 unauthorized");
}

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
