//! Grants and operators in a configuration.

use super::*;

const GRANTS: &str = r#"
[[operator]]
name = "on-call"
role = "operator"
who = { client = "console" }

[[grant]]
name = "runners"
who = { client = "runner" }
profiles = ["tls-server"]
identifiers = ["dns:*.ci.example.internal"]
max_lifetime = "1h"
networks = ["10.0.0.0/8"]
uses = 5
"#;

fn with_grants(from: &str, to: &str) -> Result<Config, ConfigError> {
    let text = GRANTS.replace(from, to);
    assert!(from == to || text != GRANTS, "nothing was replaced");
    Config::parse(&format!("{WHOLE}{text}"), PathBuf::from("/etc/ca"))
}

#[test]
fn loads_what_people_are_shown() {
    let text = include_str!("promised.toml");

    let config = Config::parse(text, PathBuf::from("/etc/ca")).unwrap();

    let now = Timestamp::parse_rfc3339("2026-11-22T00:00:00Z").unwrap();
    assert_eq!(config.warnings(now), Vec::<String>::new());
    assert_eq!(config.grants[0].who.claims.len(), 2);
    let others = [
        "who = { client = \"deployer\" }",
        "who = { certificate = \"spiffe://example.internal/ci/42\" }",
        "who = { role = \"operator\" }",
    ];
    for who in others {
        let oidc = "who = { oidc = \"gitlab\", claims = { project_id = \"42\", ref_protected = \"true\" } }";
        let text = text.replace(oidc, who);
        assert!(text.contains(who));
        assert!(
            Config::parse(&text, PathBuf::from("/etc/ca")).is_ok(),
            "{who}"
        );
    }
}

#[test]
fn samples_grant_nothing_in_vain() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/config");
    let now = Timestamp::parse_rfc3339("2026-11-22T00:00:00Z").unwrap();

    for sample in std::fs::read_dir(folder).unwrap() {
        let config = Config::load(&sample.unwrap().path()).unwrap();

        assert!(!config.grants.is_empty());
        assert_eq!(config.warnings(now), Vec::<String>::new());
    }
}

#[test]
fn reads_grants_and_operators_and_shows_them_again() {
    let config = with_grants("", "").unwrap();

    let shown = config.to_toml().unwrap();
    let again = Config::parse(&shown, PathBuf::from("/etc/ca")).unwrap();

    assert_eq!(again.grants, config.grants);
    assert_eq!(again.operators.len(), 1);
    assert_eq!(again.to_toml().unwrap(), shown);
}

#[test]
fn refuses_grants_and_operators_that_cannot_work() {
    let cases = [
        ("[\"tls-server\"]", "[\"web\"]", "no [[profile]] \"web\""),
        ("dns:*.ci", "dns:*ci", "not a pattern"),
        (
            "{ client = \"runner\" }",
            "{ oidc = \"x\" }",
            "no [[oidc]] \"x\"",
        ),
        (
            "{ client = \"runner\" }",
            "{ client = \"a\", role = \"admin\" }",
            "exactly one of",
        ),
        (
            "{ client = \"runner\" }",
            "{ clients = \"a\" }",
            "did you mean \"client\"",
        ),
        (
            "{ client = \"console\" }",
            "{ role = \"admin\" }",
            "by having a role",
        ),
        ("\"operator\"", "\"root\"", "not admin, operator or auditor"),
        ("name = \"runners\"", "name = \"Runners\"", "lower-case"),
        (
            "max_lifetime",
            "max_lifetim",
            "did you mean \"max_lifetime\"",
        ),
        (
            "uses = 5",
            "[[grant]]\nname = \"runners\"\nwho = { role = \"admin\" }\nprofiles = [\"tls-server\"]\nidentifiers = [\"dns:a\"]",
            "stands twice",
        ),
    ];

    for (from, to, expected) in cases {
        let text = with_grants(from, to).unwrap_err().to_string();
        assert!(text.contains(expected), "{to}: {text}");
    }
}

#[test]
fn warns_of_grants_that_grant_nothing() {
    let now = Timestamp::parse_rfc3339("2026-11-22T00:00:00Z").unwrap();
    let ended = with_grants("uses = 5", "expires = \"2026-11-21T00:00:00Z\"").unwrap();
    let useless = with_grants("dns:*.ci.example.internal", "uri:spiffe://x/*").unwrap();

    let subject = with_grants("uses = 5", "subject = { common_name = \"x\" }").unwrap();

    let plain = with_grants("", "").unwrap();
    let warnings = [plain, ended, useless, subject].map(|it| it.warnings(now));

    assert_eq!(warnings[0], Vec::<String>::new());
    assert!(warnings[1][0].contains("it ended at"), "{warnings:?}");
    assert!(
        warnings[2][0].contains("names of this type"),
        "{warnings:?}"
    );
}
