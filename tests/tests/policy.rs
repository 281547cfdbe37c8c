//! `ca-server policy`, beside a server that issued.

use std::process::Output;

use ca_tests::{RawAcme, TestCa};
use serde_json::Value;

const GRANT: &str = r#"
[[grant]]
name = "guest"
who = { client = "guest" }
profiles = ["tls-server"]
identifiers = ["dns:*.guest.example.internal"]
max_lifetime = "1h"
"#;

const COVERED: &str = "dns:a.guest.example.internal";

#[test]
fn explains_without_database_and_server() {
    let ca = TestCa::builder().append(GRANT).prepare_without_database();

    let allowed = explain(&ca, &["--client", "guest", "--no-database"], COVERED);
    let refused = explain(&ca, &["--client", "other", "--no-database"], COVERED);
    let wrong = explain(&ca, &["--no-database"], COVERED);

    assert_eq!(allowed.status.code(), Some(0), "{allowed:?}");
    assert!(
        text(&allowed.stdout).contains("allowed by grant guest"),
        "{allowed:?}"
    );
    assert!(
        text(&allowed.stdout).contains("lifetime: 1h"),
        "{allowed:?}"
    );
    assert_eq!(refused.status.code(), Some(7), "{refused:?}");
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
}

#[test]
fn explains_with_what_the_database_knows() {
    let ca = TestCa::builder().append(GRANT).prepare();

    let unknown = explain(&ca, &["--client", "guest", "--json"], COVERED);
    ca.command(&["client", "add", "--id", "guest"]);
    let known = explain(&ca, &["--client", "guest", "--json"], COVERED);

    let unknown: Value = serde_json::from_slice(&unknown.stdout).unwrap();
    assert_eq!(unknown["allowed"], false, "{unknown:#}");
    assert!(
        unknown["login_refused"]
            .as_str()
            .unwrap()
            .contains("no client"),
        "{unknown:#}"
    );
    assert_eq!(known.status.code(), Some(0), "{known:?}");
}

#[tokio::test]
async fn replays_what_a_directory_gave() {
    let ca = TestCa::quickstart();
    let client = RawAcme::registered(&ca).await;
    client.obtain(&["kept.example.internal"]).await;
    client.obtain(&["dropped.example.org"]).await;

    let unchanged = ca.command(&["policy", "replay", "--since", "1h"]);
    ca.edit(|config| config["acme"][0]["allow"] = vec!["dns:**.example.internal"].into());
    let narrowed = ca.command(&["policy", "replay", "--since", "1h", "--json"]);

    assert_eq!(unchanged.status.code(), Some(0), "{unchanged:?}");
    assert!(
        text(&unchanged.stdout).contains("2 certificates, 0 would be refused"),
        "{unchanged:?}"
    );
    assert_eq!(narrowed.status.code(), Some(7), "{narrowed:?}");
    let narrowed: Value = serde_json::from_slice(&narrowed.stdout).unwrap();
    let refused = narrowed["refused"].as_array().unwrap();
    assert_eq!(refused.len(), 1, "{narrowed:#}");
    assert_eq!(refused[0]["identifiers"][0], "dns:dropped.example.org");
}

fn explain(ca: &TestCa, who: &[&str], identifier: &str) -> Output {
    let asked = ["--profile", "tls-server", "--identifier", identifier];
    let arguments = [&["policy", "explain"], who, &asked].concat();
    ca.command(&arguments)
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}
