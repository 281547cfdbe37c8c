//! Renewal: the same names for a new key, as long as whoever got the certificate may have them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ca_pki::Timestamp;
use ca_tests::api::Holder;
use ca_tests::csr::{Draft, Request};
use ca_tests::{ApiClient, openssl};
use serde_json::{Value, json};

use crate::database::{Kind, on_both_databases};
use crate::world::{World, request, run};

on_both_databases!(
    names_and_profile_stay_and_the_key_is_new,
    refuses_other_names_the_old_key_and_a_bearer,
    refuses_what_the_grant_gave_once_it_is_withdrawn,
    refuses_what_a_client_got_once_the_client_is_removed,
    refuses_what_an_operator_token_got_once_that_is_revoked,
    refuses_what_a_certificate_got_once_that_is_revoked,
);

fn names_and_profile_stay_and_the_key_is_new(kind: Kind) {
    run(async {
        let world = World::shared(kind);
        let holder = world.holder("again.holders.example.internal").await;
        let asked = request("again.holders.example.internal");

        let answer = renew(world, &holder, &asked).await;
        let renewed = Holder::of(&answer, &asked);
        let once_more = request("again.holders.example.internal");
        let second = renew(world, &renewed, &once_more).await;

        let (first, second) = (answer.expect_status(201), second.expect_status(201));
        openssl::verify_chain(&world.ca.root_file(), &renewed.chain_pem);
        for answer in [&first, &second] {
            assert_eq!(answer.member("profile"), "mtls");
            let names = json!([{ "type": "dns", "value": "again.holders.example.internal" }]);
            assert_eq!(answer.json()["identifiers"], names);
        }
        let certificate = format!("certificate:tls:{}", holder.serial());
        assert_eq!(
            first.member("requested_by"),
            format!("{certificate} via {certificate}")
        );
    });
}

fn refuses_other_names_the_old_key_and_a_bearer(kind: Kind) {
    run(async {
        let world = World::shared(kind);
        let name = "same.holders.example.internal";
        let holder = world.holder(name).await;
        let key = rcgen::KeyPair::from_pem(&holder.key_pem).unwrap();
        let old_key = Draft::for_names(&[name]).sign_with(key);
        let more = Request::for_names(&[name, "more.holders.example.internal"]);

        let other = renew(world, &holder, &request("other.holders.example.internal")).await;
        let more = renew(world, &holder, &more).await;
        let old_key = renew(world, &holder, &old_key).await;
        let bearer = world.web_job("renews");
        let bearer = bearer
            .post(RENEW, &json!({ "csr": request(name).pem() }))
            .send()
            .await;

        assert_eq!(other.refusal(), "403 refused");
        assert_eq!(more.refusal(), "403 refused");
        assert_eq!(old_key.refusal(), "400 malformed");
        assert_eq!(bearer.refusal(), "403 forbidden");
        assert_eq!(world.states(name).await, ["valid"]);
    });
}

fn refuses_what_the_grant_gave_once_it_is_withdrawn(kind: Kind) {
    run(async {
        let world = World::shared(kind);
        let name = "short.withdrawn.example.internal";
        let who = json!({ "oidc": "ci", "claims": { "project_id": "withdrawn" } });
        let grant = grant("withdrawn", &who);
        let made = world.admin().post("/api/v1/grants", &grant).send().await;
        made.expect_status(201);
        let token = world.job("withdrawn", &json!({ "project_id": "withdrawn" }));
        let first = request(name);
        let issued = ApiClient::new(&world.ca)
            .bearer(&token)
            .issue(&first, "mtls");
        let holder = Holder::of(&issued.send().await.expect_status(201), &first);

        let renewed = renew(world, &holder, &request(name)).await;
        let removed = world.admin().delete("/api/v1/grants/withdrawn").await;
        let refused = renew(world, &holder, &request(name)).await;

        let by = format!("oidc:ci:withdrawn via certificate:tls:{}", holder.serial());
        assert_eq!(renewed.expect_status(201).member("requested_by"), by);
        removed.expect_status(204);
        assert_eq!(refused.refusal(), "403 refused");
        assert_eq!(world.states(name).await, ["valid", "valid"]);
    });
}

fn refuses_what_a_client_got_once_the_client_is_removed(kind: Kind) {
    run(async {
        let world = World::shared(kind);
        let name = "short.leaver.example.internal";
        let grant = grant("leaver", &json!({ "client": "leaver" }));
        let made = world.admin().post("/api/v1/grants", &grant).send().await;
        made.expect_status(201);
        let secret = world.client("leaver").await;
        let api = ApiClient::new(&world.ca);
        let token = api.log_in("leaver", &secret).await.member("access_token");
        let first = request(name);
        let issued = api.bearer(&token).issue(&first, "mtls").send().await;
        let holder = Holder::of(&issued.expect_status(201), &first);

        let renewed = renew(world, &holder, &request(name)).await;
        let removed = world.admin().delete("/api/v1/clients/leaver").await;
        let refused = renew(world, &holder, &request(name)).await;

        renewed.expect_status(201);
        removed.expect_status(204);
        assert_eq!(refused.status, 403, "{}", refused.text());
        assert_eq!(world.states(name).await, ["valid", "valid"]);
    });
}

fn refuses_what_an_operator_token_got_once_that_is_revoked(kind: Kind) {
    run(async {
        let world = World::shared(kind);
        let name = "short.staff.example.internal";
        let grant = grant("staff", &json!({ "role": "operator" }));
        let made = world.admin().post("/api/v1/grants", &grant).send().await;
        made.expect_status(201);
        let [stolen, _kept] = ["operator"; 2].map(|role| world.ca.operator_token(role));
        let first = request(name);
        let thief = ApiClient::new(&world.ca).bearer(&stolen.text);
        let issued = thief.issue(&first, "mtls").send().await;
        let holder = Holder::of(&issued.expect_status(201), &first);

        let renewed = renew(world, &holder, &request(name)).await;
        let revoked = world.ca.command(&["token", "revoke", &stolen.id]);
        let refused = renew(world, &holder, &request(name)).await;

        renewed.expect_status(201);
        assert!(revoked.status.success(), "{revoked:?}");
        assert_eq!(refused.refusal(), "403 refused");
        assert_eq!(world.states(name).await, ["valid", "valid"]);
    });
}

fn refuses_what_a_certificate_got_once_that_is_revoked(kind: Kind) {
    run(async {
        let world = World::shared(kind);
        let name = "next.holders.example.internal";
        let stolen = world.holder("stolen.holders.example.internal").await;
        let asked = request(name);
        let by_stolen = world.showing(&stolen, None);
        let issued = by_stolen.issue(&asked, "mtls").send().await;
        let next = Holder::of(&issued.expect_status(201), &asked);

        let renewed = renew(world, &next, &request(name)).await;
        let path = format!("/api/v1/certificates/{}/revoke", stolen.serial());
        let reason = json!({ "reason": "keyCompromise" });
        let revoked = world.admin().post(&path, &reason).send().await;
        let refused = renew(world, &next, &request(name)).await;

        renewed.expect_status(201);
        revoked.expect_status(200);
        assert_eq!(refused.refusal(), "403 refused");
        assert_eq!(world.states(name).await, ["valid", "valid"]);
    });
}

async fn renew(world: &World, holder: &Holder, asked: &Request) -> ca_tests::acme::Answer {
    let body = json!({ "csr": asked.pem() });
    world.showing(holder, None).post(RENEW, &body).send().await
}

/// Returns a grant for an hour over `*.{name}.example.internal`.
pub(crate) fn grant(name: &str, who: &Value) -> Value {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = Timestamp::from_unix_secs(since.as_secs() as i64);
    let end = now.plus(Duration::from_secs(60 * 60));
    json!({
        "name": name,
        "who": who,
        "profiles": ["mtls"],
        "identifiers": [format!("dns:*.{name}.example.internal")],
        "expires": end.to_string(),
    })
}

const RENEW: &str = "/api/v1/certificates/renew";
