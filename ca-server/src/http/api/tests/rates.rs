use ca_identity::Role;
use serde_json::json;

use super::world::World;

#[tokio::test]
async fn tells_each_caller_what_is_left_and_stops_it_there() {
    let world = World::with_burst(2).await;
    let ask = || world.get("/api/v1/whoami").by(Role::Admin).send();

    let (first, second, third) = (ask().await, ask().await, ask().await);
    let other = world.get("/api/v1/whoami").by(Role::Auditor).send().await;

    assert_eq!(first.header("ratelimit-policy"), "\"caller\";q=2;w=60");
    assert!(first.header("ratelimit").starts_with("\"caller\";r=1;"));
    assert_eq!(second.status, 200);
    assert_eq!(third.refusal(), "429 rate-limited");
    assert!(third.header("ratelimit").starts_with("\"caller\";r=0;"));
    let wait: u64 = third.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn says_nothing_of_rates_to_those_who_are_not_known() {
    let world = World::new().await;

    let refused = world.get("/api/v1/whoami").send().await;
    let public = world
        .get("/api/v1/trust-bundle")
        .by(Role::Admin)
        .send()
        .await;

    assert_eq!(refused.header("ratelimit"), "");
    assert_eq!(public.header("ratelimit"), "");
}

#[tokio::test]
async fn refusals_of_known_callers_tell_of_rates_too() {
    let world = World::new().await;

    let refused = world.get("/api/v1/clients").by(Role::Operator).send().await;

    assert_eq!(refused.refusal(), "403 forbidden");
    assert!(refused.header("ratelimit").starts_with("\"caller\";r=119;"));
}

#[tokio::test]
async fn logins_count_and_leave_nothing_behind_above_the_rate() {
    let world = World::with_burst(2).await;
    let secret = &world.secret;
    let form = format!("grant_type=client_credentials&client_id=deployer&client_secret={secret}");
    let program = json!({"clientId": "deployer", "clientSecret": secret});
    let refresh = |token: &str| {
        format!("{form}&refresh_token={token}").replace("client_credentials", "refresh_token")
    };

    let first = world.form("/oauth2/token", &form).send().await;
    let second = world.post("/api/authenticate/app", &program).send().await;
    let before = world.events().await.len();
    let token = first.json()["refresh_token"].as_str().unwrap().to_owned();
    let refused = [
        world.form("/oauth2/token", &form).send().await,
        world.post("/api/authenticate/app", &program).send().await,
        world.form("/oauth2/token", &refresh(&token)).send().await,
    ];

    assert!(first.header("ratelimit").starts_with("\"caller\";r=1;"));
    assert!(second.header("ratelimit").starts_with("\"caller\";r=0;"));
    for answer in refused {
        assert_eq!(answer.refusal(), "429 rate-limited");
        assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
        assert!(answer.header("ratelimit").starts_with("\"caller\";r=0;"));
    }
    assert_eq!(world.events().await.len(), before);
}

#[tokio::test]
async fn exchanges_count_for_whom_the_token_is() {
    let world = World::with_burst(1).await;
    let form = format!(
        "grant_type=urn:ietf:params:oauth:grant-type:token-exchange\
         &subject_token_type=urn:ietf:params:oauth:token-type:id_token&subject_token={}",
        world.ci_token()
    );

    let first = world.form("/oauth2/token", &form).send().await;
    let second = world.form("/oauth2/token", &form).send().await;

    assert!(first.header("ratelimit").starts_with("\"caller\";r=0;"));
    assert_eq!(second.refusal(), "429 rate-limited");
}

#[tokio::test]
async fn wrong_secrets_spend_nobody_s_rate() {
    let world = World::with_burst(1).await;
    let wrong = "grant_type=client_credentials&client_id=deployer&client_secret=no";

    for _ in 0..3 {
        let refused = world.form("/oauth2/token", wrong).send().await;
        assert_eq!(refused.header("ratelimit"), "");
    }

    world.log_in().await;
}

#[tokio::test]
async fn an_address_that_asks_too_often_waits_whoever_it_is() {
    // The world itself asks once.
    let world = World::with_burst_of_addresses(3).await;
    let ask = |role| world.get("/api/v1/whoami").by(role).send();

    let answers = [ask(Role::Admin).await, ask(Role::Admin).await];
    let refused = ask(Role::Auditor).await;
    let elsewhere = world.get("/api/v1/whoami").from([10, 9, 9, 9]);
    let elsewhere = elsewhere.by(Role::Auditor).send().await;

    assert_eq!(answers.map(|answer| answer.status), [200, 200]);
    assert_eq!(refused.refusal(), "429 rate-limited");
    assert_eq!(refused.header("ratelimit-policy"), "\"address\";q=3;w=60");
    assert_eq!(refused.header("ratelimit"), "\"address\";r=0;t=60");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    assert_eq!(elsewhere.status, 200);
}
