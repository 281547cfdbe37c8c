use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ca_identity::Role;
use ca_pki::Csr;
use rcgen::KeyPair;
use serde_json::{Value, json};

use super::world::{World, csr, csr_with};
use crate::http::testing::DAY;

const PATH: &str = "/api/v1/certificates";

#[tokio::test]
async fn issues_what_a_grant_allows() {
    let world = World::new().await;
    let token = world.deployer().await;

    let answer = world
        .issue(&token, &["a.ci.example", "spiffe://example/a"])
        .await;

    let body = answer.json();
    let location = format!("{PATH}/{}", body["serial"].as_str().unwrap());
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (201, location.as_str())
    );
    assert_eq!(body["profile"], "mtls");
    assert_eq!(body["issuer"], "tls");
    assert_eq!(body["status"], "valid");
    assert_eq!(body["requested_by"], "client:deployer");
    assert_eq!(body["grant"], "deployments");
    assert_eq!(
        body["identifiers"],
        json!([
            {"type": "dns", "value": "a.ci.example"},
            {"type": "uri", "value": "spiffe://example/a"},
        ])
    );
    assert!(
        body["chain"]
            .as_str()
            .unwrap()
            .contains("BEGIN CERTIFICATE")
    );
    assert!(body.get("warnings").is_none(), "{body}");
    assert_eq!(answer.certificate().serial().to_string(), body["serial"]);
}

#[tokio::test]
async fn takes_a_csr_in_base64_of_its_der() {
    let world = World::new().await;
    let der = Csr::parse_pem(&csr(&["a.ci.example"]))
        .unwrap()
        .der()
        .to_vec();
    let body = json!({"csr": STANDARD.encode(der), "profile": "mtls"});

    let call = world.post(PATH, &body).bearer(&world.deployer().await);

    assert_eq!(call.send().await.status, 201);
}

#[tokio::test]
async fn issues_to_a_ci_job_in_one_request_and_cuts_its_lifetime() {
    let world = World::new().await;
    let body = json!({"csr": csr(&["a.jobs.example"]), "profile": "mtls", "lifetime": "8h"});

    let call = world.post(PATH, &body).bearer(&world.ci_token());
    let answer = call.send().await;

    let warnings = answer.json()["warnings"].clone();
    assert_eq!(answer.status, 201, "{answer:?}");
    assert!(
        warnings[0].as_str().unwrap().contains("short"),
        "{warnings}"
    );
    let lifetime = answer.certificate().validity().lifetime();
    assert_eq!(lifetime.as_secs(), 3_600);
}

#[tokio::test]
async fn lists_every_broken_rule_and_the_nearest_grant() {
    let world = World::new().await;
    let token = world.deployer().await;

    let answer = world.issue(&token, &["a.example", "b.example"]).await;

    let problem = answer.json();
    assert_eq!(answer.refusal(), "403 refused");
    assert_eq!(problem["nearest_grant"], "deployments");
    let violations = problem["violations"].as_array().unwrap();
    let about: Vec<&Value> = violations.iter().map(|one| &one["identifier"]).collect();
    assert_eq!(about, ["dns:a.example", "dns:b.example"], "{problem}");
    assert!(violations.iter().all(|one| one["grant"] == "deployments"));
}

#[tokio::test]
async fn answers_the_same_request_with_the_same_certificate() {
    let world = World::new().await;
    let token = world.deployer().await;
    let body = json!({"csr": csr(&["a.ci.example"]), "profile": "mtls"});
    let other = json!({"csr": csr(&["a.ci.example"]), "profile": "mtls"});
    let call = |body| {
        let call = world.post(PATH, body).bearer(&token);
        call.header("idempotency-key", "job-7").send()
    };

    let first = call(&body).await;
    let again = call(&body).await;
    let different = call(&other).await;

    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 200));
    assert_eq!(first.json()["certificate"], again.json()["certificate"]);
    assert_eq!(different.refusal(), "422 idempotency-mismatch");
}

#[tokio::test]
async fn refuses_what_is_no_request_for_a_certificate() {
    let world = World::new().await;
    let token = world.deployer().await;
    let csr = csr(&["a.ci.example"]);
    let cases = [
        json!({}),
        json!([]),
        json!({"csr": csr}),
        json!({"csr": "", "profile": "mtls"}),
        json!({"csr": "AAAA", "profile": "mtls"}),
        json!({"csr": csr, "profile": "mtls", "lifetime": "soon"}),
        json!({"csr": csr, "profile": "mtls", "lifetime": 3600}),
        json!({"csr": csr, "profile": "mtls", "life_time": "1h"}),
    ];

    for body in cases {
        let answer = world.post(PATH, &body).bearer(&token).send().await;

        assert_eq!(answer.refusal(), "400 malformed", "{body}");
    }
}

#[tokio::test]
async fn refuses_a_query_where_nobody_reads_one() {
    let world = World::new().await;
    let token = world.deployer().await;

    for path in [
        "/api/v1/whoami?x=1",
        "/api/v1/profiles?limit=3",
        "/api/v1/trust-bundle?a",
    ] {
        let answer = world.get(path).bearer(&token).send().await;

        assert_eq!(answer.refusal(), "400 malformed", "{path}");
    }
}

#[tokio::test]
async fn refuses_other_media_types_and_large_bodies() {
    let world = World::new().await;
    let token = world.deployer().await;
    let call = || world.call("POST", PATH).bearer(&token);

    let text = call().text("text/plain", "{}".to_owned()).send().await;
    let large = call().text("application/json", "x".repeat(70_000));

    assert_eq!(text.refusal(), "415 unsupported-media-type");
    assert_eq!(large.send().await.refusal(), "413 too-large");
}

#[tokio::test]
async fn shows_a_certificate_to_those_who_may_see_it_and_hides_it_from_others() {
    let world = World::new().await;
    let token = world.deployer().await;
    let issued = world.issue(&token, &["a.ci.example"]).await;
    let path = issued.header("location");

    let own = world.get(path).bearer(&token).send().await;
    let staff = world.get(path).by(Role::Auditor).send().await;
    let stranger = world.get(path).bearer(&world.ci_token()).send().await;
    let nothing = world.get(&format!("{PATH}/0102")).bearer(&world.ci_token());

    assert_eq!(own.json(), issued.json());
    assert_eq!(staff.status, 200);
    assert_eq!(stranger.refusal(), "404 not-found");
    assert_eq!(stranger.body, nothing.send().await.body);
}

#[tokio::test]
async fn lists_by_filters_and_pages() {
    let world = World::new().await;
    let token = world.deployer().await;
    for name in ["a.ci.example", "b.ci.example", "c.ci.example"] {
        world.issue(&token, &[name]).await;
    }
    let list = async |query: &str| {
        let path = format!("{PATH}?{query}");
        let answer = world.get(&path).bearer(&token).send().await;
        answer.json()
    };

    let first = list("limit=2").await;
    let cursor = first["next"].as_str().unwrap();
    let second = list(&format!("limit=2&cursor={cursor}")).await;
    let named = list("identifier=dns:b.ci.example&status=valid").await;
    let none = list("status=revoked").await;

    let names = |page: &Value| -> Vec<Value> {
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|item| item["identifiers"][0]["value"].clone())
            .collect()
    };
    let all: Vec<Value> = [names(&first), names(&second)].concat();
    assert_eq!(all.len(), 3, "{first} {second}");
    assert_eq!(names(&named), ["b.ci.example"]);
    assert_eq!(names(&none), Vec::<Value>::new());
}

#[tokio::test]
async fn renews_over_the_certificate_and_not_with_the_same_key() {
    let world = World::new().await;
    let key = KeyPair::generate().unwrap();
    let body = json!({"csr": csr_with(&key, &["a.ci.example"]), "profile": "mtls"});
    let call = world.post(PATH, &body).bearer(&world.deployer().await);
    let certificate = call.send().await.certificate();
    let renew = |csr: String| {
        let call = world.post("/api/v1/certificates/renew", &json!({"csr": csr}));
        call.over(&certificate).send()
    };

    let same_key = renew(csr_with(&key, &["a.ci.example"])).await;
    let renewed = renew(csr(&["a.ci.example"])).await;

    assert_eq!(same_key.refusal(), "400 malformed");
    assert_eq!(renewed.status, 201, "{renewed:?}");
    let by = renewed.json()["requested_by"].clone();
    assert!(
        by.as_str()
            .unwrap()
            .starts_with("client:deployer via certificate:tls:")
    );
}

#[tokio::test]
async fn a_revoked_certificate_is_out_at_its_next_request() {
    let world = World::new().await;
    let token = world.deployer().await;
    let issued = world.issue(&token, &["a.ci.example"]).await;
    let whoami = || {
        world
            .get("/api/v1/whoami")
            .over(&issued.certificate())
            .send()
    };
    let before = whoami().await;

    let path = format!("{}/revoke", issued.header("location"));
    let reason = json!({"reason": "keyCompromise"});
    let revoked = world.post(&path, &reason).bearer(&token).send().await;
    let again = world.call("POST", &path).bearer(&token).send().await;

    assert_eq!(before.json()["credential"], "certificate");
    assert_eq!(revoked.json()["status"], "revoked");
    assert_eq!(revoked.json()["revocation_reason"], "keyCompromise");
    assert_eq!(again.json(), revoked.json());
    assert_eq!(whoami().await.refusal(), "401 unauthorized");
}

#[tokio::test]
async fn an_expired_certificate_is_out_and_listed_as_such() {
    let world = World::new().await;
    let issued = world
        .issue(&world.deployer().await, &["a.ci.example"])
        .await;

    world.clock.advance(DAY);

    let whoami = world.get("/api/v1/whoami").over(&issued.certificate());
    let shown = world.get(issued.header("location")).by(Role::Operator);
    assert_eq!(whoami.send().await.refusal(), "401 unauthorized");
    assert_eq!(shown.send().await.json()["status"], "expired");
}

#[tokio::test]
async fn auditors_revoke_nothing() {
    let world = World::new().await;
    let issued = world
        .issue(&world.deployer().await, &["a.ci.example"])
        .await;
    let path = format!("{}/revoke", issued.header("location"));

    let auditor = world.call("POST", &path).by(Role::Auditor).send().await;
    let operator = world.call("POST", &path).by(Role::Operator).send().await;

    assert_eq!(auditor.refusal(), "403 forbidden");
    assert_eq!(operator.status, 200);
}
