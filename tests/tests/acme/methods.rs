//! Which methods and paths there are (RFC 8555 §6.3, §7.1).

use ca_tests::RawAcme;
use reqwest::Method;
use serde_json::json;

use crate::CA;

#[tokio::test]
async fn refuses_get_on_everything_that_wants_a_signature() {
    let client = RawAcme::registered(&CA).await;
    let issued = client.obtain(&["get.example.internal"]).await;
    let order = &issued.order;
    let authorization = order.authorizations()[0].clone();
    let challenges = client.read(&authorization).send().await.json();
    let account = client.kid.clone().unwrap();

    for url in [
        client.url("newAccount"),
        client.url("newOrder"),
        client.url("newAuthz"),
        client.url("revokeCert"),
        client.url("keyChange"),
        format!("{account}/orders"),
        account,
        order.url.clone(),
        order.finalize().to_owned(),
        order.object["certificate"].as_str().unwrap().to_owned(),
        authorization,
        challenges["challenges"][0]["url"]
            .as_str()
            .unwrap()
            .to_owned(),
    ] {
        let answer = client.get(&url).await;

        assert_eq!(
            (answer.status, answer.problem()),
            (405, "malformed".into()),
            "{url}"
        );
        assert!(answer.header("allow").unwrap().contains("POST"), "{url}");
    }
}

#[tokio::test]
async fn refuses_methods_that_acme_does_not_know() {
    let client = RawAcme::registered(&CA).await;
    let order = client.order(&["method.example.internal"]).await;

    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = client.read(&order.url).method(method.clone()).send().await;

        assert_eq!(answer.status, 405, "{method}");
    }
}

#[tokio::test]
async fn reads_resources_with_an_empty_payload_only() {
    let client = RawAcme::registered(&CA).await;
    let issued = client.obtain(&["empty.example.internal"]).await;
    let certificate = issued.order.object["certificate"].as_str().unwrap();

    for url in [&*issued.order.url, certificate] {
        let answer = client.post(url, &json!({})).send().await;

        answer.expect_problem(400, "malformed");
    }
}

#[tokio::test]
async fn reads_the_directory_and_a_nonce_by_post_as_get_too() {
    let client = RawAcme::registered(&CA).await;

    let directory = client.read(&CA.directory_url("default")).send().await;
    let nonce = client.read(&client.url("newNonce")).send().await;

    assert_eq!(directory.expect_status(200).json(), *client.directory());
    assert!(nonce.expect_status(204).header("replay-nonce").is_some());
}

#[tokio::test]
async fn tells_of_paths_that_do_not_exist_in_a_problem_document() {
    let client = RawAcme::registered(&CA).await;
    let base = CA.external_url();

    for path in [
        "/acme/default/nothing",
        "/acme/nowhere/directory",
        "/acme/nowhere/new-order",
        "/acme/default/order/none",
        "/acme/default/authorization/none",
        "/acme/default/challenge/none/http-01",
        "/acme/default/certificate/none",
        "/acme/default/order/..%2f..%2fdirectory",
        "/acme/default/order/%00",
        "/acme/",
        "/acme",
        "/acme/default/order/none/finalize",
    ] {
        let url = format!("{base}{path}");
        let payload = if path.ends_with("finalize") {
            r#"{"csr":""}"#
        } else {
            ""
        };
        let answer = client.read(&url).payload(payload).send().await;

        assert_eq!(
            (answer.status, answer.problem()),
            (404, "malformed".into()),
            "{path}"
        );
    }
}
