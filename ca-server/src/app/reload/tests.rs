use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use ca_identity::grant::{GrantRequest, GrantSpec, Verdict};
use ca_identity::testing::MemoryIdentityStore;
use ca_identity::{AccessParts, Credential, Identity, Principal, Role};
use ca_issuance::testing::World;
use ca_pki::Identifier;
use tempfile::TempDir;

use super::*;

const BEFORE: &str = r#"
[server]
external_url = "https://ca.example.internal:8443"
pki_url = "http://ca.example.internal:8080"

[database]
url = "sqlite://ca.db"

[[issuer]]
name = "tls"
certificate = "tls.pem"
root = "root.pem"
key = "file:tls.key"

[[profile]]
name = "tls-server"
issuer = "tls"
extended_key_usage = ["serverAuth"]
identifiers = ["dns"]

[[grant]]
name = "jobs"
who = { client = "runner" }
profiles = ["tls-server"]
identifiers = ["dns:*.ci.example"]
"#;

/// A server's memory and rules, and the file that it reads.
struct Bench {
    _folder: TempDir,
    file: PathBuf,
    world: World,
    access: Arc<Access>,
    reloader: Reloader,
}

impl Bench {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("ca-server.toml");
        fs::write(&file, BEFORE).unwrap();
        let config = Config::load(&file).unwrap();
        let world = World::at_noon();
        let access = Access::new(AccessParts {
            store: Arc::new(MemoryIdentityStore::default()),
            corridor: Arc::clone(&world.corridor),
            external_url: config.server.external_url.clone(),
            rules: rules::build(&config).unwrap(),
        });
        let access = Arc::new(access.await.unwrap());
        let reloader = Reloader::new(
            config,
            Arc::clone(&access),
            world.ledger.clone(),
            world.clock.clone(),
        );
        Self {
            _folder: folder,
            file,
            world,
            access,
            reloader,
        }
    }

    async fn reload(&self, from: &str, to: &str) {
        let text = BEFORE.replace(from, to);
        assert_ne!(text, BEFORE, "nothing was replaced");
        fs::write(&self.file, text).unwrap();
        self.reloader.reload().await;
    }

    async fn is_granted(&self, name: &str) -> bool {
        let principal = Principal::Client {
            id: "runner".to_owned(),
            role: None,
        };
        let identifiers = BTreeSet::from([Identifier::parse("dns", name).unwrap()]);
        let request = GrantRequest {
            principal: &principal,
            role: None,
            profile: "tls-server",
            identifiers: &identifiers,
            address: None,
            at: self.world.clock.now(),
        };
        matches!(
            self.access.judge(request).await.unwrap(),
            Verdict::Granted(_)
        )
    }

    fn last_event(&self) -> Event {
        self.world.ledger.events().pop().unwrap()
    }
}

#[tokio::test]
async fn a_reload_puts_new_grants_in_force_and_writes_it_down() {
    let bench = Bench::new().await;

    bench.reload("*.ci.example", "*.new.example").await;

    assert!(bench.is_granted("a.new.example").await);
    assert!(!bench.is_granted("a.ci.example").await);
    let event = bench.last_event();
    assert_eq!(event.kind, EventKind::ConfigurationLoaded);
    let text = event.details["configuration"].as_str().unwrap();
    assert!(text.contains("*.new.example"), "{text}");
    assert_eq!(event.details["needs_restart"], json!([]));
}

#[tokio::test]
async fn a_file_with_a_fault_changes_nothing_and_is_written_down() {
    let bench = Bench::new().await;
    let two = "dns:*.new.example\"]\n[[grant]]\nname = \"X\"\nwho = {}\nprofiles = [\"y\"]\nidentifiers = [\"z";

    bench.reload("dns:*.ci.example", two).await;

    assert!(bench.is_granted("a.ci.example").await);
    assert!(!bench.is_granted("a.new.example").await);
    let event = bench.last_event();
    assert_eq!(event.kind, EventKind::ConfigurationRefused);
    assert!(
        event.details["faults"].as_array().unwrap().len() >= 4,
        "{event:?}"
    );
}

#[tokio::test]
async fn a_refusal_does_not_hold_the_password_that_stands_where_the_fault_is() {
    let bench = Bench::new().await;
    for url in [
        "url = \"postgres://ca:hunter2@db/ca",
        "ulr = \"postgres://ca:hunter2@db/ca\"",
        "url = \"postgres://ca:hunter2/x@db/ca\"",
        "url = \"postgres://ca:1/hunter2@db/ca\"",
    ] {
        bench.reload("url = \"sqlite://ca.db\"", url).await;

        let event = bench.last_event();
        assert_eq!(event.kind, EventKind::ConfigurationRefused);
        assert!(!event.details.to_string().contains("hunter2"), "{event:?}");
    }
}

#[tokio::test]
async fn other_sections_wait_for_a_restart() {
    let bench = Bench::new().await;

    bench
        .reload("identifiers = [\"dns\"]", "identifiers = [\"dns\", \"ip\"]")
        .await;

    let event = bench.last_event();
    assert_eq!(event.kind, EventKind::ConfigurationLoaded);
    assert_eq!(event.details["needs_restart"], json!(["profile"]));
    let text = event.details["configuration"].as_str().unwrap();
    assert!(!text.contains("\"ip\""), "it is not in force: {text}");
}

#[tokio::test]
async fn a_grant_over_a_profile_that_waits_for_a_restart_is_refused() {
    let bench = Bench::new().await;

    bench.reload("\"tls-server\"", "\"web\"").await;

    assert!(bench.is_granted("a.ci.example").await);
    let event = bench.last_event();
    assert_eq!(event.kind, EventKind::ConfigurationRefused);
    assert!(
        event.details.to_string().contains("no [[profile]]"),
        "{event:?}"
    );
}

#[tokio::test]
async fn a_name_that_was_given_over_the_api_is_refused() {
    let bench = Bench::new().await;
    let admin = Identity {
        principal: Principal::Operator {
            name: "anna".to_owned(),
            role: Role::Admin,
            token: None,
        },
        credential: Credential::Certificate,
        role: Some(Role::Admin),
        address: IpAddr::from([127, 0, 0, 1]),
        certificate_thumbprint: None,
    };
    let spec: GrantSpec = serde_json::from_value(json!({
        "name": "guests",
        "who": { "client": "guest" },
        "profiles": ["tls-server"],
        "identifiers": ["dns:guest.example"],
        "expires": "2026-11-22T00:00:00Z",
    }))
    .unwrap();
    bench.access.add_grant(&admin, spec).await.unwrap();

    bench.reload("name = \"jobs\"", "name = \"guests\"").await;

    let event = bench.last_event();
    assert_eq!(event.kind, EventKind::ConfigurationRefused);
    assert!(
        event.details.to_string().contains("made over the API"),
        "{event:?}"
    );
}

#[tokio::test]
async fn a_reload_that_cannot_be_written_down_changes_nothing() {
    let bench = Bench::new().await;
    bench.world.ledger.set_away(true);

    bench.reload("*.ci.example", "*.new.example").await;

    assert!(bench.is_granted("a.ci.example").await);
    assert!(!bench.is_granted("a.new.example").await);
}

#[tokio::test]
async fn a_file_that_is_gone_changes_nothing_and_is_written_down() {
    let bench = Bench::new().await;
    fs::remove_file(&bench.file).unwrap();

    bench.reloader.reload().await;

    assert!(bench.is_granted("a.ci.example").await);
    assert_eq!(bench.last_event().kind, EventKind::ConfigurationRefused);
}
