use ca_identity::Role;

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
