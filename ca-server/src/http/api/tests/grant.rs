use ca_identity::Role;
use serde_json::{Value, json};

use super::world::World;

const PATH: &str = "/api/v1/grants";

fn grant(changes: &Value) -> Value {
    let mut grant = json!({
        "name": "tonight",
        "who": {"client": "deployer"},
        "profiles": ["mtls"],
        "identifiers": ["dns:db.example"],
        "wildcards": false,
        "expires": "2027-01-16T08:00:00Z",
    });
    let members = grant.as_object_mut().unwrap();
    members.extend(changes.as_object().unwrap().clone());
    grant
}

#[tokio::test]
async fn gives_until_it_is_removed() {
    let world = World::new().await;
    let token = world.deployer().await;
    let issue = || world.issue(&token, &["db.example"]);

    let before = issue().await;
    let made = world
        .post(PATH, &grant(&json!({})))
        .by(Role::Admin)
        .send()
        .await;
    let granted = issue().await;
    let path = made.header("location");
    world.call("DELETE", path).by(Role::Admin).send().await;
    let after = issue().await;

    assert_eq!(before.refusal(), "403 refused");
    assert_eq!(
        (made.status.as_u16(), made.json()),
        (201, grant(&json!({})))
    );
    assert_eq!(granted.status, 201, "{granted:?}");
    assert_eq!(after.refusal(), "403 refused");
}

#[tokio::test]
async fn gives_back_every_member_and_counts_uses() {
    let world = World::new().await;
    let whole = grant(&json!({
        "who": {"oidc": "gitlab", "claims": {"ref_protected": "true"}},
        "deny": ["dns:root.db.example"],
        "identifiers": ["dns:**.db.example"],
        "wildcards": true,
        "max_lifetime": "2h",
        "networks": ["10.0.0.0/8"],
        "uses": 3,
        "subject": {"common_name": "ci:{sub}", "organizations": ["deployers"]},
    }));

    let made = world.post(PATH, &whole).by(Role::Admin).send().await;
    assert_eq!(made.json(), whole);
    let shown = world
        .get(made.header("location"))
        .by(Role::Auditor)
        .send()
        .await;

    assert_eq!(made.json(), whole);
    assert_eq!(
        shown.json(),
        json!({"grant": whole, "origin": "api", "used": 0})
    );
}

#[tokio::test]
async fn takes_what_the_configuration_takes() {
    let world = World::new().await;
    let mut grant = grant(&json!({
        "who": {"oidc": "gitlab", "claims": {"project_id": 42, "ref_protected": true, "x": "*"}},
        "subject": {"common_name": "ci:{sub}"},
    }));
    grant.as_object_mut().unwrap().remove("identifiers");

    let made = world.post(PATH, &grant).by(Role::Admin).send().await;

    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(
        made.json()["who"]["claims"],
        json!({"project_id": "42", "ref_protected": "true", "x": "*"})
    );
    assert_eq!(made.json()["identifiers"], json!([]));
}

#[tokio::test]
async fn describes_claims_as_texts_numbers_and_truth_values() {
    let world = World::new().await;

    let schemas = &world.document["components"]["schemas"];
    let claims = &schemas["Who"]["properties"]["claims"];
    let kinds = claims["additionalProperties"]["oneOf"].as_array().unwrap();
    let kinds: Vec<&Value> = kinds.iter().map(|kind| &kind["type"]).collect();
    let required = schemas["Grant"]["required"].as_array().unwrap();

    assert_eq!(kinds, ["string", "integer", "boolean"]);
    assert!(!required.contains(&json!("identifiers")), "{required:?}");
}

#[tokio::test]
async fn refuses_grants_without_an_end_or_with_a_name_that_is_taken() {
    let world = World::new().await;
    let cases = [
        (grant(&json!({"expires": null})), "400 malformed"),
        (
            grant(&json!({"expires": "2028-01-01T00:00:00Z"})),
            "400 malformed",
        ),
        (grant(&json!({"profiles": ["nothing"]})), "400 malformed"),
        (grant(&json!({"identifier": []})), "400 malformed"),
        (
            grant(&json!({"who": [null, {}, "deployer", null, null]})),
            "400 malformed",
        ),
        (grant(&json!({"identifiers": []})), "400 malformed"),
        (
            grant(&json!({"who": {"oidc": "gitlab", "claims": {"x": ["a"]}}})),
            "400 malformed",
        ),
        (grant(&json!({"name": "deployments"})), "409 conflict"),
    ];

    for (body, expected) in cases {
        let answer = world.post(PATH, &body).by(Role::Admin).send().await;

        assert_eq!(answer.refusal(), expected, "{body}");
    }
}

#[tokio::test]
async fn removes_nothing_that_stands_in_the_configuration() {
    let world = World::new().await;

    let path = format!("{PATH}/deployments");
    let removed = world.call("DELETE", &path).by(Role::Admin).send().await;
    let shown = world.get(&path).by(Role::Admin).send().await;

    assert_eq!(removed.refusal(), "409 conflict");
    assert_eq!(shown.json()["origin"], "configuration");
}
