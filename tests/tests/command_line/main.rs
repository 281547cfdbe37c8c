//! The commands, their output and their exit codes, as an operator meets them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod revoke;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use ca_tests::TestCa;
use ca_tests::server::ca_server;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};

#[test]
fn help_lists_every_command_and_exit_code() {
    let output = ca_server().arg("--help").output().unwrap();

    let said = text(&output.stdout);
    for word in [
        "quickstart",
        "serve",
        "check-config",
        "migrate",
        "settle",
        "issuer",
        "limits",
        "eab",
        "audit",
        "policy",
        "Exit codes:",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn limits_measures_the_configured_signer_and_disk_and_leaves_nothing() {
    let ca = TestCa::builder().with_token().prepare();
    let before = files_in(ca.folder());

    let output = ca.command(&["limits", "--json", "--each", "20"]);

    assert!(output.status.success(), "{output:?}");
    let limits: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(limits["signers"][0]["name"], "tls");
    assert_eq!(limits["commits"]["where"], "disk");
    let bound = limits["signers"][0]["orders_per_sec"].as_f64().unwrap();
    let signer = &limits["signers"][0]["signatures_per_sec_side_by_side"];
    assert!(bound > 0.0 && bound <= signer.as_f64().unwrap(), "{limits}");
    assert_eq!(files_in(ca.folder()), before);
}

#[test]
fn limits_measures_commits_where_the_database_is_shared() {
    let ca = TestCa::builder().on_postgres().prepare();

    let output = ca.command(&["limits", "--json", "--each", "20"]);

    let limits: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(limits["commits"]["where"], "postgresql");
    assert!(limits["commits"]["commits_per_sec"].as_f64().unwrap() > 0.0);
}

#[test]
fn limits_needs_no_configuration() {
    let folder = tempfile::tempdir().unwrap();

    let output = ca_server()
        .args(["limits", "--each", "10"])
        .current_dir(folder.path())
        .output()
        .unwrap();

    let said = text(&output.stdout);
    assert!(said.contains("software, ec-p384"), "{said}");
    assert!(said.contains("ACME orders"), "{said}");
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    let output = ca_server().arg("sreve").output().unwrap();

    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn a_key_or_subject_that_cannot_be_meant_ends_with_2() {
    for (algorithm, subject) in [("nonsense", "CN=CA"), ("ec-p384", "nonsense")] {
        let output = ca_server()
            .args(["issuer", "request", "--name", "tls", "--key", "file:none"])
            .args(["--algorithm", algorithm, "--subject", subject])
            .args(["--out", "/nowhere/tls.csr"])
            .output()
            .unwrap();

        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(text(&output.stderr).contains("nonsense"), "{output:?}");
    }
}

#[test]
fn quickstart_keeps_secrets_from_others() {
    let ca = TestCa::builder().prepare();

    let mode = |name: &str| {
        let file = ca.folder().join(name);
        fs::metadata(file).unwrap().permissions().mode() & 0o777
    };

    for secret in ["root.key", "tls.key", "audit.key", "admin-token", "ca.db"] {
        assert_eq!(mode(secret), 0o600, "{secret}");
    }
}

#[test]
fn quickstart_makes_a_folder_of_its_own_and_writes_down_the_ports_that_it_picked() {
    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("my-ca");
    let mut server = ca_server()
        .args([
            "quickstart",
            "--public",
            "127.0.0.1:0",
            "--pki",
            "127.0.0.1:0",
        ])
        .args(["--ops", "127.0.0.1:0", "--data"])
        .arg(&folder)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut lines = std::io::BufReader::new(server.stdout.take().unwrap());
    while !said.contains("certbot") {
        let read = std::io::BufRead::read_line(&mut lines, &mut said).unwrap();
        assert_ne!(read, 0, "{said}");
    }
    server.kill().unwrap();
    server.wait().unwrap();

    let config = fs::read_to_string(folder.join("ca-server.toml")).unwrap();
    assert!(!config.contains(":0\""), "{config}");
    let url = config
        .lines()
        .find_map(|line| line.strip_prefix("external_url = "));
    let directory = format!("{}/acme/default/directory", url.unwrap().trim_matches('"'));
    assert!(said.contains(&directory), "{said}");
    assert!(
        said.contains("root.pem") && said.contains("SHA-256"),
        "{said}"
    );
    assert!(said.contains("root key is online"), "{said}");
    let mode = fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn quickstart_goes_on_with_a_folder_and_refuses_other_addresses() {
    let ca = TestCa::builder().prepare();
    let root = fs::read(ca.root_file()).unwrap();

    let output = ca_server()
        .args(["quickstart", "--public", "127.0.0.1:1", "--data"])
        .arg(ca.folder())
        .output()
        .unwrap();

    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said = text(&output.stderr);
    assert!(
        said.contains("--public") && said.contains(&ca.address("public")),
        "{said}"
    );
    assert_eq!(fs::read(ca.root_file()).unwrap(), root);
}

#[test]
fn check_config_prints_what_is_in_effect_without_secrets() {
    let ca = TestCa::builder()
        .set("database.url", "postgres://ca:hunter2@127.0.0.1:1/ca")
        .prepare_without_database();

    let output = ca.command(&["check-config"]);

    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(!said.contains("hunter2"), "{said}");
    let config: toml::Table = said.parse().unwrap();
    // A value that the file leaves out.
    assert!(config["revocation"]["crl_lifetime"].is_str(), "{said}");
    fs::write(ca.config_file(), &said).unwrap();
    assert_eq!(text(&ca.command(&["check-config"]).stdout), said);
}

#[test]
fn check_config_shows_no_password_of_a_url_that_it_refuses() {
    for url in [
        "postgres://ca:hunter2/x@127.0.0.1:1/ca",
        "postgres://ca:1/hunter2@127.0.0.1:1/ca",
        "postgres://ca@127.0.0.1:1/ca?pasword=hunter2",
        // Not the end of the line that TOML wants.
        "postgres://ca:hunter2@127.0.0.1:1/ca\" x",
    ] {
        let ca = TestCa::builder()
            .set("database.url", "sqlite://refused.db")
            .prepare_without_database();
        let file = fs::read_to_string(ca.config_file()).unwrap();
        fs::write(ca.config_file(), file.replace("sqlite://refused.db", url)).unwrap();

        let output = ca.command(&["check-config"]);

        assert_eq!(output.status.code(), Some(3), "{url}: {output:?}");
        for said in [text(&output.stdout), text(&output.stderr)] {
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}

#[test]
fn check_config_refuses_what_serve_would_refuse() {
    let ca = TestCa::builder()
        .set("database.url", "postgres://ca@127.0.0.1:port/ca")
        .set("server.tls_issuer", "nobody")
        .set("server.tls_names", vec!["a..b"])
        .set("audit.key", "pkcs11:object=audit")
        .prepare_without_database();

    let output = ca.command(&["check-config"]);

    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    for fault in ["database.url", "tls_issuer", "tls_names", "audit.key"] {
        assert!(said.contains(fault), "{fault}: {said}");
    }
}

#[test]
fn check_config_names_the_nearest_key() {
    let ca = TestCa::builder()
        .set("server.external_ulr", "https://ca.example.internal")
        .prepare_without_database();

    let output = ca.command(&["check-config"]);

    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(
        said.contains("external_ulr") && said.contains("external_url"),
        "{said}"
    );
}

#[test]
fn check_config_reports_a_key_set_that_cannot_be_read() {
    let ca = TestCa::builder()
        .append(
            "[[oidc]]\nname = \"cluster\"\nissuer = \"https://cluster.example.internal\"\n\
             audience = \"https://ca.example.internal\"\njwks_file = \"absent.json\"\n\
             algorithms = [\"RS256\"]\n",
        )
        .prepare_without_database();

    let output = ca.command(&["check-config"]);

    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(
        said.contains("oidc cluster") && said.contains("absent.json"),
        "{said}"
    );
}

#[test]
fn check_config_lists_every_fault_at_once() {
    let ca = TestCa::builder()
        .set("server.pki_url", "https://localhost:1")
        .set("profile.0.issuer", "nobody")
        .set("profile.1.lifetime", "48h")
        .set("acme.0.default_profile", "nothing")
        .set("acme.0.challenges", vec!["http-02"])
        .set("acme.0.allow", vec!["dns:a..b"])
        .prepare_without_database();

    let output = ca.command(&["check-config"]);

    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    for fault in [
        "pki_url", "nobody", "lifetime", "nothing", "http-02", "a..b",
    ] {
        assert!(said.contains(fault), "{fault}: {said}");
    }
}

#[test]
fn commands_say_which_configuration_they_cannot_read() {
    let output = ca_server()
        .args(["check-config", "--config", "/nowhere/ca-server.toml"])
        .output()
        .unwrap();

    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(text(&output.stderr).contains("/nowhere/ca-server.toml"));
}

#[tokio::test]
async fn migrate_lists_takes_and_then_has_no_more_steps() {
    let ca = TestCa::builder()
        .set("database.url", "sqlite://other.db")
        .prepare_without_database();

    let listed = ca.command(&["migrate", "--dry-run"]);
    let refused = ca.try_start();
    let taken = ca.command(&["migrate"]);
    let again = ca.command(&["migrate"]);

    let steps = |output: &Output, word: &str| {
        let said = text(&output.stdout);
        let steps = said.lines().filter_map(|line| line.strip_prefix(word));
        steps.map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(!steps(&listed, "pending ").is_empty(), "{listed:?}");
    assert_eq!(steps(&listed, "pending "), steps(&taken, "applied "));
    assert_eq!(refused, Err(4), "{}", ca.log());
    assert!(text(&again.stdout).contains("up to date"), "{again:?}");
    ca.start();
}

#[tokio::test]
async fn serve_refuses_a_schema_that_is_newer_than_itself() {
    let ca = TestCa::builder().prepare();
    let database = open(&ca).await;
    let insert = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_future', 0)";
    database.execute_unprepared(insert).await.unwrap();
    database.close().await.unwrap();

    let started = ca.try_start();

    assert_eq!(started, Err(4), "{}", ca.log());
}

#[test]
fn settle_ends_what_is_overdue() {
    let ca = TestCa::builder().prepare();

    let output = ca.command(&["settle"]);

    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stdout).contains("settled 0"), "{output:?}");
}

#[test]
fn eab_keys_are_made_listed_and_revoked() {
    let ca = TestCa::builder().prepare();

    let made = ca.command(&["eab", "create", "--comment", "team-a", "--single-use"]);
    let listed = ca.command(&["eab", "list"]);
    let kid = text(&made.stdout)
        .lines()
        .next()
        .unwrap()
        .replace("kid", "");
    let revoked = ca.command(&["eab", "revoke", kid.trim()]);
    let after = ca.command(&["eab", "list"]);
    let unknown = ca.command(&["eab", "revoke", "nobody"]);
    let elsewhere = ca.command(&["eab", "create", "--directory", "nowhere"]);

    let secret = text(&made.stdout)
        .lines()
        .nth(1)
        .unwrap()
        .replace("hmac key", "");
    assert!(text(&listed.stdout).contains("team-a"), "{listed:?}");
    assert!(text(&listed.stdout).contains("unused"), "{listed:?}");
    assert!(!text(&listed.stdout).contains(secret.trim()), "{listed:?}");
    assert!(revoked.status.success(), "{revoked:?}");
    assert!(text(&after.stdout).contains("revoked"), "{after:?}");
    assert!(!unknown.status.success() && !elsewhere.status.success());
}

#[test]
fn serve_refuses_to_start_rather_than_guess() {
    for (says, spoil, code) in [
        (
            "a key of another certificate",
            (|ca| swap(ca, "tls.key", "audit.key")) as fn(&TestCa),
            5,
        ),
        (
            "a missing key",
            |ca| fs::remove_file(ca.folder().join("tls.key")).unwrap(),
            5,
        ),
        (
            "a chain to another root",
            |ca| swap(ca, "root.pem", "tls.pem"),
            5,
        ),
        (
            "a certificate that is none",
            |ca| fs::write(ca.issuer_file(), "x").unwrap(),
            5,
        ),
        (
            "no configuration",
            |ca| fs::remove_file(ca.config_file()).unwrap(),
            3,
        ),
    ] {
        let ca = TestCa::builder().prepare();
        spoil(&ca);

        let output = ca.command(&["serve"]);

        assert_eq!(output.status.code(), Some(code), "{says}: {output:?}");
        assert!(text(&output.stderr).contains("ca-server: "), "{says}");
    }
}

#[test]
fn serve_refuses_a_taken_address_and_a_second_server() {
    let ca = TestCa::quickstart();

    let second = ca.command(&["serve"]);

    // Whichever is found first: the database is held, or the address is.
    assert!(matches!(second.status.code(), Some(4 | 6)), "{second:?}");
}

#[test]
fn serve_ends_with_0_when_told_to_stop() {
    let ca = TestCa::quickstart();

    let code = ca.stop();

    assert_eq!(code, 0, "{}", ca.log());
    assert!(ca.log().contains("stopped"), "{}", ca.log());
}

async fn open(ca: &TestCa) -> DatabaseConnection {
    let file = ca.folder().join("ca.db");
    Database::connect(format!("sqlite://{}", file.display()))
        .await
        .unwrap()
}

fn swap(ca: &TestCa, target: &str, source: &str) {
    let at = |name: &str| -> Box<Path> { ca.folder().join(name).into() };
    fs::copy(at(source), at(target)).unwrap();
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

fn files_in(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
