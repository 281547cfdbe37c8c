//! What is taken back is out at the next request of a connection that stays open.

use std::process::Command;

use ca_tests::api::{Holder, KeptConnection};
use ca_tests::{ApiClient, openssl};
use serde_json::json;

use crate::database::{Kind, on_both_databases};
use crate::world::{World, request, run};

on_both_databases!(
    refuses_a_certificate_that_was_revoked,
    refuses_an_operator_token_that_was_revoked,
    refuses_an_access_token_whose_client_was_removed,
    refuses_an_access_token_that_was_revoked,
    refuses_an_access_token_whose_certificate_was_revoked,
    lets_curl_renew_and_refuses_it_once_its_certificate_is_revoked,
);

fn refuses_a_certificate_that_was_revoked(kind: Kind) {
    run(async {
        let world = World::shared(kind);
        let holder = world.holder("kept.holders.example.internal").await;
        let mut kept = KeptConnection::open(&world.ca, Some(&holder)).await;

        let before = kept.get(WHOAMI, &[]).await;
        revoke(world, &holder).await;
        let after = kept.get(WHOAMI, &[]).await;

        assert_eq!((before, after), (200, 401));
    });
}

fn refuses_an_operator_token_that_was_revoked(kind: Kind) {
    run(async {
        let world = World::shared(kind);
        let token = world.ca.operator_token("auditor");
        let authorization = format!("Bearer {}", token.text);
        let headers = [("Authorization", authorization.as_str())];
        let mut kept = KeptConnection::open(&world.ca, None).await;

        let before = kept.get("/api/v1/audit", &headers).await;
        let revoked = world.ca.command(&["token", "revoke", &token.id]);
        let after = kept.get("/api/v1/audit", &headers).await;

        assert!(revoked.status.success(), "{revoked:?}");
        assert_eq!((before, after), (200, 401));
    });
}

fn refuses_an_access_token_whose_client_was_removed(kind: Kind) {
    run(async {
        let world = World::shared(kind);
        let secret = world.client("removed").await;
        let api = ApiClient::new(&world.ca);
        let tokens = api.log_in("removed", &secret).await.expect_status(200);
        let authorization = format!("Bearer {}", tokens.member("access_token"));
        let headers = [("Authorization", authorization.as_str())];
        let mut kept = KeptConnection::open(&world.ca, None).await;

        let before = kept.get(WHOAMI, &headers).await;
        let removed = world.admin().delete("/api/v1/clients/removed").await;
        let after = kept.get(WHOAMI, &headers).await;
        let refresh_token = tokens.member("refresh_token");
        let refreshed = api.refresh("removed", &secret, &refresh_token).await;

        removed.expect_status(204);
        assert_eq!((before, after), (200, 401));
        assert_eq!(refreshed.refusal(), "401 invalid_client");
    });
}

fn refuses_an_access_token_that_was_revoked(kind: Kind) {
    run(async {
        let world = World::shared(kind);
        let token = world.job("revokes", &json!({}));
        let exchanged = ApiClient::new(&world.ca).exchange(&token).await;
        let token = exchanged.expect_status(200).member("access_token");
        let authorization = format!("Bearer {token}");
        let headers = [("Authorization", authorization.as_str())];
        let mut kept = KeptConnection::open(&world.ca, None).await;

        let before = kept.get(WHOAMI, &headers).await;
        let api = ApiClient::new(&world.ca).bearer(&token);
        api.revoke_bearer(&[]).await;
        let after = kept.get(WHOAMI, &headers).await;

        assert_eq!((before, after), (200, 401));
    });
}

fn refuses_an_access_token_whose_certificate_was_revoked(kind: Kind) {
    run(async {
        let world = World::shared(kind);
        let holder = world.holder("bound.holders.example.internal").await;
        let secret = world.client("bound").await;
        let bound = world.showing(&holder, None).log_in("bound", &secret).await;
        let token = bound.expect_status(200).member("access_token");
        let authorization = format!("Bearer {token}");
        let headers = [("Authorization", authorization.as_str())];
        let mut kept = KeptConnection::open(&world.ca, Some(&holder)).await;
        let mut bare = KeptConnection::open(&world.ca, None).await;

        let before = [
            kept.get(WHOAMI, &headers).await,
            bare.get(WHOAMI, &headers).await,
        ];
        revoke(world, &holder).await;
        let after = kept.get(WHOAMI, &headers).await;

        assert_eq!((before, after), ([200, 401], 401));
    });
}

/// The certificate revokes itself; curl says how many connections it opened for each request.
fn lets_curl_renew_and_refuses_it_once_its_certificate_is_revoked(kind: Kind) {
    let world = World::shared(kind);
    for version in ["--http1.1", "--http2"] {
        let holder = run(world.holder("curl.holders.example.internal"));
        let asked = request("curl.holders.example.internal");
        let certificate = openssl::file_with(holder.chain_pem.as_bytes());
        let key = openssl::file_with(holder.key_pem.as_bytes());
        let base = format!("{}/api/v1", world.ca.external_url());
        let revoke = format!("{base}/certificates/{}/revoke", holder.serial());
        let renewal = json!({ "csr": asked.pem() }).to_string();

        let mut curl = Command::new("curl");
        let requests = [
            (format!("{base}/whoami"), None),
            (format!("{base}/certificates/renew"), Some(renewal)),
            (revoke, Some("{}".to_owned())),
            (format!("{base}/whoami"), None),
        ];
        for (number, (url, body)) in requests.into_iter().enumerate() {
            if number > 0 {
                curl.arg("--next");
            }
            curl.args(["--silent", "--show-error", "--output", "/dev/null", version])
                .args([
                    "--write-out",
                    "%{http_version} %{http_code} %{num_connects}\n",
                ])
                .arg("--cacert")
                .arg(world.ca.root_file())
                .arg("--cert")
                .arg(certificate.path())
                .arg("--key")
                .arg(key.path())
                .arg(url);
            if let Some(body) = body {
                curl.args(["--header", "Content-Type: application/json"])
                    .args(["--data", &body]);
            }
        }
        let said = ca_tests::server::run(&mut curl);

        let spoken = match version {
            "--http2" => "2",
            _ => "1.1",
        };
        let expected = ["200 1", "201 0", "200 0", "401 0"];
        let expected = expected.map(|line| format!("{spoken} {line}\n")).concat();
        assert_eq!(said, expected);
    }
}

async fn revoke(world: &World, holder: &Holder) {
    let path = format!("/api/v1/certificates/{}/revoke", holder.serial());
    let body = json!({ "reason": "keyCompromise" });
    let revoked = world.admin().post(&path, &body).send().await;
    revoked.expect_status(200);
}

const WHOAMI: &str = "/api/v1/whoami";
