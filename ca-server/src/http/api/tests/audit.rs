use std::collections::BTreeSet;

use ca_identity::Role;
use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::world::{World, csr};

/// Sends requests that change something, and notes which routes they were and what they left.
struct Clerk<'a> {
    world: &'a World,
    seen: BTreeSet<(String, String)>,
}

impl Clerk<'_> {
    async fn leaves(
        &mut self,
        route: (&str, &str),
        call: Call<'_>,
        expected: (&str, &str),
    ) -> Answer {
        let before = self.world.events().await.len();

        let answer = call.send().await;

        assert!(answer.status.is_success(), "{route:?}: {answer:?}");
        let mut events = self.world.events().await;
        events.truncate(events.len() - before);
        let (kind, actor) = expected;
        let expected = (kind.to_owned(), actor.to_owned());
        assert!(events.contains(&expected), "{route:?}: {events:?}");
        self.seen.insert((route.0.to_owned(), route.1.to_owned()));
        answer
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[tokio::test]
async fn every_route_that_changes_something_leaves_an_event() {
    let world = World::new().await;
    let mut clerk = Clerk {
        world: &world,
        seen: BTreeSet::new(),
    };
    let (admin, deployer) = ("operator:an-admin", "client:deployer");

    let login = json!({"clientId": "deployer", "clientSecret": world.secret});
    let call = world.post("/api/authenticate/app", &login);
    clerk
        .leaves(
            ("POST", "/api/authenticate/app"),
            call,
            ("login.succeeded", deployer),
        )
        .await;

    let form = format!(
        "grant_type=client_credentials&client_id=deployer&client_secret={}",
        world.secret
    );
    let call = world.form("/oauth2/token", &form);
    let tokens = clerk
        .leaves(
            ("POST", "/oauth2/token"),
            call,
            ("login.succeeded", deployer),
        )
        .await
        .json();
    let token = text(&tokens["access_token"]);

    let wanted = json!({"csr": csr(&["a.ci.example"]), "profile": "mtls"});
    let call = world.post("/api/v1/certificates", &wanted).bearer(token);
    let issued = clerk
        .leaves(
            ("POST", "/api/v1/certificates"),
            call,
            ("certificate.issued", deployer),
        )
        .await;

    let wanted = json!({"csr": csr(&["a.ci.example"])});
    let call = world.post("/api/v1/certificates/renew", &wanted);
    let via = format!(
        "client:deployer via certificate:tls:{}",
        issued.certificate().serial()
    );
    clerk
        .leaves(
            ("POST", "/api/v1/certificates/renew"),
            call.over(&issued.certificate()),
            ("certificate.issued", &via),
        )
        .await;

    let path = format!("{}/revoke", issued.header("location"));
    clerk
        .leaves(
            ("POST", "/api/v1/certificates/{serial}/revoke"),
            world.call("POST", &path).bearer(token),
            ("certificate.revoked", deployer),
        )
        .await;

    let call = world.call("POST", "/api/v1/eab-credentials").bearer(token);
    let minted = clerk
        .leaves(
            ("POST", "/api/v1/eab-credentials"),
            call,
            ("external-account-key.created", deployer),
        )
        .await;
    clerk
        .leaves(
            ("DELETE", "/api/v1/eab-credentials/{kid}"),
            world
                .call("DELETE", minted.header("location"))
                .bearer(token),
            ("external-account-key.revoked", deployer),
        )
        .await;

    let call = world.post("/api/v1/clients", &json!({"id": "new"}));
    let client = clerk
        .leaves(
            ("POST", "/api/v1/clients"),
            call.by(Role::Admin),
            ("client.created", admin),
        )
        .await;
    clerk
        .leaves(
            ("DELETE", "/api/v1/clients/{id}"),
            world
                .call("DELETE", client.header("location"))
                .by(Role::Admin),
            ("client.removed", admin),
        )
        .await;

    let grant = json!({
        "name": "tonight",
        "who": {"client": "deployer"},
        "profiles": ["mtls"],
        "identifiers": ["dns:db.example"],
        "expires": "2027-01-16T08:00:00Z",
    });
    let call = world.post("/api/v1/grants", &grant).by(Role::Admin);
    let grant = clerk
        .leaves(("POST", "/api/v1/grants"), call, ("grant.created", admin))
        .await;
    clerk
        .leaves(
            ("DELETE", "/api/v1/grants/{name}"),
            world
                .call("DELETE", grant.header("location"))
                .by(Role::Admin),
            ("grant.removed", admin),
        )
        .await;

    let form = format!(
        "token={token}&client_id=deployer&client_secret={}",
        world.secret
    );
    let call = world.form("/oauth2/revoke", &form);
    clerk
        .leaves(
            ("POST", "/oauth2/revoke"),
            call,
            ("session.revoked", deployer),
        )
        .await;

    let mut changing = world.routes();
    changing.retain(|(method, _)| method != "GET");
    assert_eq!(clerk.seen, changing);
}

#[tokio::test]
async fn failed_logins_and_refusals_are_in_the_log() {
    let world = World::new().await;
    let token = world.deployer().await;

    world
        .get("/api/v1/whoami")
        .bearer("cao_forged")
        .send()
        .await;
    let refused = world.issue(&token, &["elsewhere.example"]).await;

    assert_eq!(refused.refusal(), "403 refused");
    let kinds: Vec<String> = world
        .events()
        .await
        .into_iter()
        .map(|event| event.0)
        .collect();
    assert!(kinds.contains(&"login.failed".to_owned()), "{kinds:?}");
    assert!(
        kinds.contains(&"certificate.refused".to_owned()),
        "{kinds:?}"
    );
}

#[tokio::test]
async fn auditors_read_by_filters_and_pages() {
    let world = World::new().await;
    let token = world.deployer().await;
    for name in ["a.ci.example", "b.ci.example", "c.ci.example"] {
        assert_eq!(world.issue(&token, &[name]).await.status, 201);
    }

    let first = "/api/v1/audit?kind=certificate.issued&actor=client:deployer&limit=2";
    let first = world.get(first).by(Role::Auditor).send().await;
    let next = first
        .header("link")
        .trim_start_matches("<https://ca.example");
    let next = next.trim_end_matches(">; rel=\"next\"");
    let second = world.get(next).by(Role::Auditor).send().await;

    let count = |answer: &Answer| answer.json()["items"].as_array().unwrap().len();
    assert_eq!((count(&first), count(&second)), (2, 1), "{first:?}");
    assert_eq!(first.json()["items"][0]["kind"], "certificate.issued");
    assert!(second.json().get("next").is_none());
}

#[tokio::test]
async fn refuses_filters_that_cannot_be_meant() {
    let world = World::new().await;

    for query in [
        "since=yesterday",
        "limit=0",
        "limit=1001",
        "cursor=x",
        "order=up",
        "kin=a",
    ] {
        let path = format!("/api/v1/audit?{query}");
        let answer = world.get(&path).by(Role::Auditor).send().await;

        assert_eq!(answer.refusal(), "400 malformed", "{query}");
    }
}

#[tokio::test]
async fn a_missing_role_is_in_the_log() {
    let world = World::new().await;
    let path = "/api/v1/clients/deployer";

    let refused = world.call("DELETE", path).by(Role::Operator).send().await;

    assert_eq!(refused.refusal(), "403 forbidden");
    let log = "/api/v1/audit?kind=access.refused";
    let log = world.get(log).by(Role::Auditor).send().await.json();
    let event = &log["items"][0];
    assert_eq!(event["actor"], "operator:an-operator");
    assert_eq!(
        event["details"],
        json!({
            "method": "DELETE",
            "route": "/api/v1/clients/{id}",
            "role_needed": "admin",
            "address": "10.1.2.3",
        })
    );
}

#[tokio::test]
async fn a_missing_role_writes_no_more_than_the_rate_allows() {
    let world = World::with_burst(2).await;

    for _ in 0..5 {
        world.get("/api/v1/audit").by(Role::Operator).send().await;
    }

    let events = world.events().await;
    let refusals = events.iter().filter(|(kind, _)| kind == "access.refused");
    assert_eq!(refusals.count(), 2);
}
