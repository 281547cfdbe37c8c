use ca_identity::Role;
use serde_json::json;

use super::world::World;

const PATH: &str = "/api/v1/clients";

#[tokio::test]
async fn shows_a_secret_once() {
    let world = World::new().await;
    let body = json!({"id": "shop", "role": "operator", "comment": "the shop"});

    let made = world.post(PATH, &body).by(Role::Admin).send().await;
    let shown = world
        .get(made.header("location"))
        .by(Role::Admin)
        .send()
        .await;
    let listed = world.get(PATH).by(Role::Auditor).send().await;

    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    assert_eq!(made.status, 201);
    assert!(secret.starts_with("cas_"));
    assert_eq!(shown.json(), made.json()["client"]);
    assert_eq!(shown.json()["role"], "operator");
    assert_eq!(listed.json()["items"].as_array().unwrap().len(), 2);
    for answer in [shown, listed] {
        let text = String::from_utf8(answer.body).unwrap();
        assert!(
            !text.contains("secret") && !text.contains(&secret),
            "{text}"
        );
    }
}

#[tokio::test]
async fn refuses_ids_that_are_taken_or_cannot_be() {
    let world = World::new().await;

    for (id, expected) in [("deployer", "409 conflict"), ("a:b", "400 malformed")] {
        let call = world.post(PATH, &json!({"id": id})).by(Role::Admin);

        assert_eq!(call.send().await.refusal(), expected);
    }
}

#[tokio::test]
async fn removing_a_client_ends_its_sessions() {
    let world = World::new().await;
    let token = world.deployer().await;

    let path = format!("{PATH}/deployer");
    let removed = world.call("DELETE", &path).by(Role::Admin).send().await;
    let again = world.call("DELETE", &path).by(Role::Admin).send().await;
    let whoami = world.get("/api/v1/whoami").bearer(&token).send().await;

    assert_eq!((removed.status.as_u16(), removed.body.len()), (204, 0));
    assert_eq!(again.refusal(), "404 not-found");
    assert_eq!(whoami.refusal(), "401 unauthorized");
}
