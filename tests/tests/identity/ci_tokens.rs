//! Tokens of CI jobs, wrong in one thing each: refused, each with its own reason.

use std::net::{IpAddr, Ipv4Addr};

use ca_tests::ApiClient;
use ca_tests::acme::AccountKey;
use ca_tests::api::Peer;
use ca_tests::network::HttpAnswer;
use ca_tests::oidc::compact;
use serde_json::{Value, json};

use crate::database::{Kind, on_both_databases};
use crate::world::{World, job_claims, request, run, web};

on_both_databases!(
    a_good_token_gets_a_certificate_in_one_request,
    a_wrong_token_is_refused_with_its_own_reason,
    a_job_that_is_another_is_refused_with_what_tells_it_apart,
    keys_that_a_token_brings_along_are_not_fetched,
);

fn a_good_token_gets_a_certificate_in_one_request(kind: Kind) {
    run(async {
        let world = World::shared(kind);
        let asked = request("good.web.example.internal");

        let answer = world.web_job("good").issue(&asked, "mtls").send().await;

        let issued = answer.expect_status(201);
        assert_eq!(issued.member("requested_by"), "oidc:ci:good");
        let chain = issued.member("certificate") + &issued.member("chain");
        ca_tests::openssl::verify_chain(&world.ca.root_file(), &chain);
    });
}

fn a_wrong_token_is_refused_with_its_own_reason(kind: Kind) {
    run(async {
        let world = World::shared(kind);
        let spent = world.once.token(&job_claims(&world.once, "spent", &web()));
        let shown = ApiClient::new(&world.ca).bearer(&spent);
        shown.get("/api/v1/whoami").await.expect_status(200);
        let cases = [
            (
                changed(world, "aud", json!("https://other.test")),
                "for another audience",
            ),
            (aged(world, 3_000), "has expired"),
            (aged(world, -3_000), "not valid yet"),
            (
                changed(world, "iss", json!("https://evil.test")),
                "issuer is not configured",
            ),
            (unsigned(world), "algorithm is not allowed"),
            (
                signed_with_the_public_key(world),
                "algorithm is not allowed",
            ),
            (
                signed_by_another_key(world, &json!({})),
                "signature is wrong",
            ),
            (spent, "used before"),
        ];

        for (number, (token, reason)) in cases.into_iter().enumerate() {
            let name = format!("wrong-{number}.web.example.internal");
            let address = IpAddr::V4(Ipv4Addr::new(127, 100, 1, number as u8));
            let answer = from(world, address)
                .bearer(&token)
                .issue(&request(&name), "mtls")
                .send()
                .await;

            assert_eq!(answer.refusal(), "401 unauthorized", "{reason}");
            assert!(
                answer.member("detail").contains(reason),
                "{}",
                answer.text()
            );
            assert!(answer.header("www-authenticate").is_some(), "{reason}");
            assert!(world.states(&name).await.is_empty(), "{reason}");
            let events = world.events("kind=login.failed").await;
            let told = events.iter().any(|event| {
                event["details"]["address"] == json!(address)
                    && event["details"]["reason"].to_string().contains(reason)
            });
            assert!(told, "{reason}: {events:?}");
        }
    });
}

fn a_job_that_is_another_is_refused_with_what_tells_it_apart(kind: Kind) {
    run(async {
        let world = World::shared(kind);
        for (claim, value) in [("ref_protected", "false"), ("project_id", "43")] {
            let subject = format!("another-{claim}");
            let name = format!("{}.web.example.internal", subject.replace('_', "-"));
            let mut claims = web();
            claims[claim] = json!(value);
            let job = ApiClient::new(&world.ca).bearer(&world.job(&subject, &claims));

            let answer = job.issue(&request(&name), "mtls").send().await;

            assert_eq!(answer.refusal(), "403 refused", "{claim}");
            assert!(world.states(&name).await.is_empty(), "{claim}");
            let filter = format!("kind=certificate.refused&actor=oidc:ci:{subject}");
            let event = world.events(&filter).await.remove(0);
            let grants = event["details"]["refusal"]["grants"].as_array().unwrap();
            let web = grants.iter().find(|grant| grant["grant"] == "web").unwrap();
            assert!(web["failed"].to_string().contains(claim), "{web}");
        }
    });
}

fn keys_that_a_token_brings_along_are_not_fetched(kind: Kind) {
    run(async {
        let world = World::shared(kind);
        let http = &world.ca.network.http;
        let thiefs = AccountKey::generate(ca_tests::acme::KeyKind::Es256);
        let path = "/thiefs-keys";
        http.set(
            path,
            HttpAnswer::Body(json!({ "keys": [thiefs.jwk()] }).to_string()),
        );
        let url = format!("http://{}{path}", http.address());
        let brought = json!({ "jku": url, "x5u": url, "jwk": thiefs.jwk() });
        let token = signed_by_another_key(world, &brought);

        let thief = ApiClient::new(&world.ca).bearer(&token);
        let answer = thief.get("/api/v1/whoami").await;

        assert_eq!(answer.refusal(), "401 unauthorized");
        assert_eq!(http.times_requested(path), 0);
    });
}

fn good(world: &World) -> Value {
    job_claims(&world.ci, "wrong", &web())
}

fn changed(world: &World, claim: &str, value: Value) -> String {
    let mut claims = good(world);
    claims[claim] = value;
    world.ci.token(&claims)
}

/// Moves a token's times into the past.
fn aged(world: &World, secs: i64) -> String {
    let mut claims = good(world);
    for time in ["iat", "nbf", "exp"] {
        claims[time] = json!(claims[time].as_i64().unwrap() - secs);
    }
    world.ci.token(&claims)
}

fn unsigned(world: &World) -> String {
    compact(&json!({ "alg": "none" }), &good(world), |_| Vec::new())
}

fn signed_with_the_public_key(world: &World) -> String {
    let public = world.ci.key().jwk().to_string();
    let secret = AccountKey::Secret(public.into_bytes());
    let header = json!({ "alg": "HS256", "kid": "key-1" });
    compact(&header, &good(world), |text| secret.sign(text))
}

fn signed_by_another_key(world: &World, brought: &Value) -> String {
    let other = AccountKey::generate(ca_tests::acme::KeyKind::Es256);
    let mut header = brought.clone();
    header["alg"] = json!("ES256");
    header["kid"] = json!("key-1");
    compact(&header, &good(world), |text| other.sign(text))
}

fn from(world: &World, address: IpAddr) -> ApiClient {
    let peer = Peer {
        address: Some(address),
        holder: None,
    };
    ApiClient::of(&world.ca, &peer)
}
