//! The ACME door for those who have grants: what a credential binds, and what its account gets.

use std::collections::BTreeMap;

use ca_tests::acme::{AccountKey, Answer, KeyKind, identifiers};
use ca_tests::{ApiClient, RawAcme};
use serde_json::{Value, json};

use crate::database::{Kind, on_both_databases};
use crate::renewal::grant;
use crate::world::{World, request, run};

on_both_databases!(
    mints_nothing_for_whoever_has_no_grant,
    binds_one_account_of_one_directory_to_a_credential,
    keeps_credentials_from_whoever_takes_over_a_path,
    sends_names_outside_the_grant_to_a_challenge,
    fails_an_order_whose_grant_is_withdrawn_before_finalize,
);

fn mints_nothing_for_whoever_has_no_grant(kind: Kind) {
    run(async {
        let world = World::shared(kind);
        let token = world.job("unknown", &json!({ "project_id": "7" }));
        let job = ApiClient::new(&world.ca).bearer(&token);

        let refused = mint(&job, "granted").await;

        assert_eq!(refused.refusal(), "403 refused");
        let filter = "kind=external-account-key.refused&actor=oidc:ci:unknown";
        let events = world.events(filter).await;
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(events[0]["subject"], "granted");
        let sql = "SELECT principal FROM external_account_key WHERE principal LIKE '%unknown%'";
        let keys: Vec<String> = world.column(sql).await;
        assert!(keys.is_empty(), "{keys:?}");
    });
}

fn binds_one_account_of_one_directory_to_a_credential(kind: Kind) {
    run(async {
        let world = World::shared(kind);
        let job = world.web_job("binds");
        let used = mint(&job, "granted").await.expect_status(201);
        let elsewhere = mint(&job, "granted").await.expect_status(201);
        let revoked = mint(&job, "granted").await.expect_status(201);
        let path = format!("/api/v1/eab-credentials/{}", revoked.member("kid"));
        job.delete(&path).await.expect_status(204);

        let first = client(world, "granted").await.register_with(&used).await;
        let again = client(world, "granted").await.register_with(&used).await;
        let elsewhere = client(world, "default")
            .await
            .register_with(&elsewhere)
            .await;
        let revoked = client(world, "granted").await.register_with(&revoked).await;

        first.expect_status(201);
        for refused in [again, elsewhere, revoked] {
            assert_eq!(refused.refusal(), "403 unauthorized");
        }
    });
}

fn keeps_credentials_from_whoever_takes_over_a_path(kind: Kind) {
    run(async {
        let world = World::shared(kind);
        let token = world.job("moved", &json!({ "project_id": "43" }));
        let heir = ApiClient::new(&world.ca).bearer(&token);
        let owner = world.web_job("moved");
        let minted = mint(&owner, "granted").await.expect_status(201);
        let path = format!("/api/v1/eab-credentials/{}", minted.member("kid"));

        let list = heir.get("/api/v1/eab-credentials").await;
        let shown = heir.get(&path).await;
        let revoked = heir.delete(&path).await;
        let own = owner.get("/api/v1/eab-credentials").await;

        assert_eq!(list.expect_status(200).json()["items"], json!([]));
        assert_eq!([shown.status, revoked.status], [404, 404]);
        let own = own.expect_status(200).json();
        assert_eq!(own["items"].as_array().unwrap().len(), 1, "{own}");
        assert_eq!(own["items"][0]["revoked_at"], Value::Null);
    });
}

fn sends_names_outside_the_grant_to_a_challenge(kind: Kind) {
    run(async {
        let world = World::shared(kind);
        let client = account(world, &world.web_job("mixes"), "default").await;
        let names = [
            "mixed.web.example.internal",
            "mixed.elsewhere.example.internal",
        ];
        let payload = json!({ "identifiers": identifiers(&names), "profile": "mtls" });

        let order = client.post(&client.url("newOrder"), &payload).send().await;
        let mut statuses = BTreeMap::new();
        for url in order.json()["authorizations"].as_array().unwrap() {
            let read = client.read(url.as_str().unwrap()).send().await.json();
            statuses.insert(text(&read["identifier"]["value"]), text(&read["status"]));
        }

        assert_eq!(order.expect_status(201).member("status"), "pending");
        assert_eq!(statuses[names[0]], "valid");
        assert_eq!(statuses[names[1]], "pending");
    });
}

fn fails_an_order_whose_grant_is_withdrawn_before_finalize(kind: Kind) {
    run(async {
        let world = World::shared(kind);
        let name = "a.revoked-late.example.internal";
        let who = json!({ "oidc": "ci", "claims": { "project_id": "late" } });
        let made = world
            .admin()
            .post("/api/v1/grants", &grant("revoked-late", &who));
        made.send().await.expect_status(201);
        let token = world.job("late", &json!({ "project_id": "late" }));
        let job = ApiClient::new(&world.ca).bearer(&token);
        let client = account(world, &job, "granted").await;
        let order = client.order(&[name]).await;

        let removed = world.admin().delete("/api/v1/grants/revoked-late").await;
        let refused = client.finalize(&order, &request(name).der).await;
        let after = client.refresh(&order).await;

        assert_eq!(order.status(), "ready");
        removed.expect_status(204);
        assert_eq!(refused.refusal(), "403 unauthorized");
        assert_eq!(after.status(), "invalid");
        assert!(world.states(name).await.is_empty());
        let events = world
            .events("kind=certificate.refused&actor=oidc:ci:late")
            .await;
        let account = client.kid.as_deref().unwrap().rsplit('/').next().unwrap();
        let via = format!("oidc:ci:late via acme:granted:{account}");
        assert_eq!(actors(&events), [via]);
    });
}

async fn mint(job: &ApiClient, directory: &str) -> Answer {
    let body = json!({ "directory": directory });
    job.post("/api/v1/eab-credentials", &body).send().await
}

/// Registers an account that acts for a job.
async fn account<'w>(world: &'w World, job: &ApiClient, directory: &str) -> RawAcme<'w> {
    let minted = mint(job, directory).await.expect_status(201);
    let mut client = client(world, directory).await;
    client.register_with(&minted).await.expect_status(201);
    client
}

async fn client<'w>(world: &'w World, directory: &str) -> RawAcme<'w> {
    RawAcme::at(&world.ca, directory, AccountKey::generate(KeyKind::Es256)).await
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn actors(events: &[Value]) -> Vec<&str> {
    let actors = events.iter().filter_map(|event| event["actor"].as_str());
    actors.collect()
}
