//! What those who run the server see: health, metrics, logs, signals.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use ca_tests::acme::{Answer, challenge_of, identifiers};
use ca_tests::network::HttpAnswer;
use ca_tests::{RawAcme, TestCa};
use serde_json::{Value, json};
use tokio::sync::Notify;

static CA: LazyLock<TestCa> = LazyLock::new(|| {
    let builder = TestCa::builder().with_token();
    builder.set("limits.account.unfinished_orders", 2).start()
});

#[tokio::test]
async fn health_and_readiness_are_told_apart() {
    let health = ops("/healthz").await;
    let ready = ops("/readyz").await.expect_status(200).json();

    assert_eq!(health.status, 200);
    assert_eq!(ready["ready"], true);
    let checks = ready["checks"].as_array().unwrap();
    let names: Vec<&str> = checks
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    for name in ["database", "server certificate", "crl tls"] {
        assert!(names.contains(&name), "{names:?}");
    }
}

#[tokio::test]
async fn metrics_count_what_matters() {
    let client = RawAcme::registered(&CA).await;
    let before = metric("ca_issuance_total{profile=\"tls-server\",result=\"issued\"}").await;

    client.obtain(&["metrics.example.internal"]).await;

    let after = metric("ca_issuance_total{profile=\"tls-server\",result=\"issued\"}").await;
    assert!(after > before, "{before} {after}");
    let text = ops("/metrics").await.text();
    for family in [
        "ca_validation",
        "ca_signer_queue",
        "ca_signer_signatures_total",
        "ca_store_commits_total",
        "ca_store_queue_depth",
        "ca_crl_next_update_seconds{issuer=\"tls\"}",
        "ca_http_requests_total",
    ] {
        assert!(text.contains(family), "{family} is not in {text}");
    }
}

/// `increase(x)` is 0 over a series that begins with its first event: nobody would be told of that.
#[tokio::test]
async fn metrics_have_what_alerts_look_for_before_it_happens() {
    for never_yet in [
        "ca_job_panics_total{work=\"prune\"}",
        "ca_job_panics_total{work=\"publish-crl\"}",
        "ca_clock_jumps_total",
        "ca_clock_in_doubt",
        "ca_server_certificate_renewals_total{result=\"failed\"}",
    ] {
        assert_eq!(metric(never_yet).await, 0.0, "{never_yet}");
    }
}

#[tokio::test]
async fn metrics_count_orders_refused_for_unfinished_ones() {
    let client = RawAcme::registered(&CA).await;
    let limited = "ca_limited_total{limit=\"unfinished-orders\"}";
    let before = metric(limited).await;
    client.order(&["first.example.internal"]).await;
    client.order(&["second.example.internal"]).await;

    let payload = json!({ "identifiers": identifiers(&["third.example.internal"]) });
    let third = client.post(&client.url("newOrder"), &payload).send().await;

    third.expect_problem(429, "rateLimited");
    assert_eq!(metric(limited).await, before + 1.0);
}

#[tokio::test]
async fn metrics_have_no_label_for_each_client() {
    let client = RawAcme::registered(&CA).await;
    let order = client.order(&["labels.example.internal"]).await;

    let text = ops("/metrics").await.text();

    let id = order.url.rsplit('/').next().unwrap();
    for own in [
        id,
        "labels.example.internal",
        client.kid.as_deref().unwrap(),
    ] {
        assert!(!text.contains(own), "{own}");
    }
}

#[tokio::test]
async fn operation_is_not_for_the_public() {
    let client = RawAcme::registered(&CA).await;

    for path in ["/metrics", "/healthz", "/readyz"] {
        let public = client.get(&format!("{}{path}", CA.external_url())).await;
        let pki = reqwest::get(CA.plain_url("pki", path)).await.unwrap();

        assert_eq!((public.status, pki.status().as_u16()), (404, 404), "{path}");
    }
}

#[tokio::test]
async fn logs_are_json_lines_without_secrets() {
    let client = RawAcme::registered(&CA).await;
    let made = CA.command(&["eab", "create"]);
    let made = String::from_utf8(made.stdout).unwrap();
    let secret = made
        .lines()
        .find_map(|line| line.strip_prefix("hmac key"))
        .unwrap();
    let issued = client.obtain(&["logs.example.internal"]).await;
    let order = client.order(&["logs2.example.internal"]).await;
    let url = &order.authorizations()[0];
    let authorization = client.read(url).send().await.json();
    let token = challenge_of(&authorization, "http-01");
    let token = token["token"].as_str().unwrap();
    let revoked = client.revoke(&issued.leaf_der(), Some(1)).await;
    let last = revoked.expect_status(200);
    CA.wait_for_log(last.header("x-request-id").unwrap());

    let log = CA.log();

    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(
            line["timestamp"].is_string() && line["level"].is_string(),
            "{line}"
        );
    }
    let pin = std::fs::read_to_string(CA.folder().join("token/pin")).unwrap();
    for secret in [pin.trim(), secret.trim(), token, "PRIVATE KEY"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn an_answer_carries_the_id_under_which_the_log_has_it() {
    let client = RawAcme::registered(&CA).await;

    let answer = client.new_order(&[]).await.expect_status(400);

    let id = answer.header("x-request-id").unwrap();
    CA.wait_for_log(id);
}

#[tokio::test]
async fn systemd_hears_of_readiness_and_of_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("notify");
    let systemd = UnixDatagram::bind(&socket).unwrap();
    systemd
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let path = socket.display().to_string();
    let ca = TestCa::builder()
        .environment("NOTIFY_SOCKET", &path)
        .start();
    let hear = || {
        let mut buffer = [0; 256];
        let length = systemd.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(buffer.get(..length).unwrap()).into_owned()
    };

    let ready = hear();
    ca.stop();
    let stopping = hear();

    assert!(ready.contains("READY=1"), "{ready}");
    assert!(stopping.contains("STOPPING=1"), "{stopping}");
}

#[tokio::test]
async fn hanging_up_ends_nothing() {
    let ca = TestCa::quickstart();
    let client = RawAcme::registered(&ca).await;

    ca.signal("HUP");

    client.obtain(&["hup.example.internal"]).await;
    assert_eq!(ca.stop(), 0);
}

#[tokio::test]
async fn hanging_up_reloads_grants_or_leaves_them_as_they_are() {
    let ca = TestCa::builder().append(GRANT).start();
    let rename = |name: &str| {
        ca.edit(|config| config["grant"][0]["name"] = name.into());
    };

    rename("Not a name");
    ca.signal("HUP");
    ca.wait_for_log("the configuration is not reloaded");
    rename("visitor");
    ca.signal("HUP");
    ca.wait_for_log("are reloaded");

    assert_eq!(ca.stop(), 0);
    let export = ca.command(&["audit", "export"]);
    let said = String::from_utf8_lossy(&export.stdout).into_owned();
    let events: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|event: &Value| {
            event["kind"]
                .as_str()
                .unwrap()
                .starts_with("configuration.")
        })
        .collect();
    let [.., started, refused, reloaded] = events.as_slice() else {
        panic!("{said}");
    };
    assert_eq!(started["kind"], "configuration.loaded");
    assert_eq!(refused["kind"], "configuration.refused");
    assert!(
        refused["details"].to_string().contains("Not a name"),
        "{refused}"
    );
    assert_eq!(reloaded["kind"], "configuration.loaded");
    assert!(
        reloaded["details"].to_string().contains("visitor"),
        "{reloaded}"
    );
}

#[tokio::test]
async fn what_is_under_way_ends_well_though_the_server_is_told_to_stop() {
    let ca = TestCa::quickstart();
    let mut client = RawAcme::registered(&ca).await;
    let order = client.order(&["under-way.example.internal"]).await;
    let url = order.authorizations().remove(0);
    let authorization = client.read(&url).send().await.json();
    let challenge = challenge_of(&authorization, "http-01");
    let token = challenge["token"].as_str().unwrap();
    let path = format!("/.well-known/acme-challenge/{token}");
    let go = Arc::new(Notify::new());
    let proof = client.key_authorization(token);
    ca.network
        .http
        .set(&path, HttpAnswer::After(Arc::clone(&go), proof));
    let challenge = challenge["url"].as_str().unwrap();
    client
        .post(challenge, &json!({}))
        .send()
        .await
        .expect_status(200);

    ca.signal("TERM");
    go.notify_one();
    assert_eq!(ca.wait_for_exit(), 0, "{}", ca.log());
    ca.start();
    client.reconnect();

    let ended = client.wait_while(&url, "pending").await;
    assert_eq!(ended["status"], "valid", "{ended}");
}

const GRANT: &str = r#"
[[grant]]
name = "guest"
who = { client = "guest" }
profiles = ["tls-server"]
identifiers = ["dns:guest.example.internal"]
"#;

async fn ops(path: &str) -> Answer {
    let answer = reqwest::get(CA.plain_url("ops", path)).await.unwrap();
    Answer::from(answer).await
}

/// Returns a metric's value; 0 while nobody counted.
async fn metric(name: &str) -> f64 {
    let text = ops("/metrics").await.text();
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value.map_or(0.0, |value| value.trim().parse().unwrap())
}
