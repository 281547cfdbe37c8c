//! Two servers on one PostgreSQL: who may have what is the same on both at once. Sessions over two
//! servers are in the suite `logins`.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use ca_tests::acme::{Answer, send_together};
use ca_tests::{ApiClient, TestCa};
use serde_json::json;

use crate::database::Kind;
use crate::eventually;
use crate::renewal::grant;
use crate::world::{World, request, run, web};

static ONE: LazyLock<World> = LazyLock::new(|| World::start(Kind::Postgres));
static TWO: LazyLock<TestCa> = LazyLock::new(|| ONE.ca.twin());

#[test]
fn a_client_removed_on_one_is_out_on_both() {
    run(async {
        let secret = ONE.client("roaming").await;
        let tokens = on_two().log_in("roaming", &secret).await;
        let token = tokens.expect_status(200).member("access_token");
        let before = on_one().bearer(&token).get(WHOAMI).await;

        let removed = ONE.admin().delete("/api/v1/clients/roaming").await;
        let after = on_two().bearer(&token).get(WHOAMI).await;
        let again = on_two().log_in("roaming", &secret).await;

        before.expect_status(200);
        removed.expect_status(204);
        assert_eq!(after.refusal(), "401 unauthorized");
        assert_eq!(again.refusal(), "401 invalid_client");
    });
}

#[test]
fn a_certificate_revoked_on_one_opens_nothing_on_both() {
    run(async {
        let holder = ONE.holder("roams.holders.example.internal").await;
        let peer = ca_tests::api::Peer {
            address: None,
            holder: Some(holder.clone()),
        };
        let both = async || {
            let servers = [&ONE.ca, &*TWO].map(|server| ApiClient::of(server, &peer));
            let [one, two] = servers;
            [one.get(WHOAMI).await.status, two.get(WHOAMI).await.status]
        };

        let before = both().await;
        let path = format!("/api/v1/certificates/{}/revoke", holder.serial());
        let revoked = ONE.admin().post(&path, &json!({})).send().await;
        let after = both().await;

        revoked.expect_status(200);
        assert_eq!((before, after), ([200, 200], [401, 401]));
    });
}

#[test]
fn a_grant_made_on_one_counts_on_both_until_it_is_removed() {
    run(async {
        let token = ONE.job("shared", &json!({ "project_id": "shared" }));
        let both = async || {
            let mut statuses = Vec::new();
            for api in [on_one(), on_two()] {
                let asked = request("a.shared.example.internal");
                let answer = api.bearer(&token).issue(&asked, "mtls").send().await;
                statuses.push(answer.status);
            }
            statuses
        };
        let who = json!({ "oidc": "ci", "claims": { "project_id": "shared" } });
        let admin_on_two = on_two().bearer(&ONE.admin.text);

        let before = both().await;
        let made = admin_on_two.post("/api/v1/grants", &grant("shared", &who));
        made.send().await.expect_status(201);
        let during = both().await;
        let removed = ONE.admin().delete("/api/v1/grants/shared").await;
        let after = both().await;

        removed.expect_status(204);
        assert_eq!([before, during, after], [[403; 2], [201; 2], [403; 2]]);
    });
}

#[test]
fn a_use_is_spent_once_in_both() {
    run(async {
        let who = json!({ "oidc": "ci", "claims": { "project_id": "counted" } });
        let mut grant = grant("counted", &who);
        grant["uses"] = json!(3);
        let made = ONE.admin().post("/api/v1/grants", &grant).send().await;
        made.expect_status(201);
        let token = ONE.job("counted", &json!({ "project_id": "counted" }));
        let asking = (0..10).map(|n| {
            let asked = request("a.counted.example.internal");
            let api = if n % 2 == 0 { on_one() } else { on_two() };
            api.bearer(&token).issue(&asked, "mtls").prepared()
        });

        let answers = send_together(asking.collect()).await;

        let refusals = refusals(&answers);
        let issued = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(issued, 3, "{refusals:?}");
        assert_eq!(refusals, BTreeSet::from(["403 refused".to_owned()]));
        let states = ONE.states("a.counted.example.internal").await;
        assert_eq!(states, ["valid"; 3]);
    });
}

#[test]
fn an_idempotency_key_has_one_certificate_from_both() {
    run(async {
        let token = ONE.job("repeats", &web());
        let name = "repeats.web.example.internal";
        let asked = request(name);
        let ask = |api: ApiClient| {
            let call = api.bearer(&token).issue(&asked, "mtls");
            call.idempotency_key("one").prepared()
        };
        let asking = (0..10).map(|n| ask(if n % 2 == 0 { on_one() } else { on_two() }));

        let answers = send_together(asking.collect()).await;
        let mut serials = serials(&answers);
        // Whoever was told to come back gets what the first one got.
        eventually(async || {
            let again = send_together(vec![ask(on_one()), ask(on_two())]).await;
            again.iter().all(|answer| answer.status == 200)
        })
        .await;
        let again = send_together(vec![ask(on_one()), ask(on_two())]).await;
        serials.extend(self::serials(&again));

        let issued = answers.iter().filter(|answer| answer.status == 201).count();
        let refusals = refusals(&answers);
        assert_eq!((issued, serials.len()), (1, 1), "{refusals:?}");
        assert!(
            refusals.is_subset(&BTreeSet::from(["503 busy".to_owned()])),
            "{refusals:?}"
        );
        assert_eq!(ONE.states(name).await, ["valid"]);
    });
}

#[test]
fn a_token_that_is_good_once_is_good_once_in_both() {
    run(async {
        let claims = crate::world::job_claims(&ONE.once, "once", &json!({}));
        let token = ONE.once.token(&claims);
        let asking = (0..10).map(|n| {
            let api = if n % 2 == 0 { on_one() } else { on_two() };
            let call = api.bearer(&token).call(reqwest::Method::GET, WHOAMI);
            call.prepared()
        });

        let answers = send_together(asking.collect()).await;

        let taken = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(taken, 1);
        assert_eq!(
            refusals(&answers),
            BTreeSet::from(["401 unauthorized".to_owned()])
        );
    });
}

fn on_one() -> ApiClient {
    ApiClient::new(&ONE.ca)
}

fn on_two() -> ApiClient {
    ApiClient::new(&TWO)
}

fn serials(answers: &[Answer]) -> BTreeSet<String> {
    let given = answers.iter().filter(|answer| answer.status < 300);
    given.map(|answer| answer.member("serial")).collect()
}

fn refusals(answers: &[Answer]) -> BTreeSet<String> {
    let refused = answers.iter().filter(|answer| answer.status >= 300);
    refused.map(Answer::refusal).collect()
}

const WHOAMI: &str = "/api/v1/whoami";
