mod oidc;

use ca_issuance::profile::{CiClaims, RevocationRule, SubjectRule};

use super::*;

const WHOLE: &str = r#"
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
root_crl = "root.crl"

[[profile]]
name = "tls-server"
issuer = "tls"
lifetime = "24h"
extended_key_usage = ["serverAuth"]
identifiers = ["dns", "ip"]
revocation = ["crl", "ocsp"]

[[acme]]
name = "default"
profiles = ["tls-server"]
default_profile = "tls-server"
allow = ["dns:**.example.internal", "ip:10.0.0.0/8"]
wildcards = true
"#;

fn refusal(from: &str, to: &str) -> String {
    let text = WHOLE.replace(from, to);
    assert_ne!(text, WHOLE, "nothing was replaced");
    Config::parse(&text, PathBuf::from("/etc/ca"))
        .unwrap_err()
        .to_string()
}

#[test]
fn reads_a_whole_file_and_fills_in_defaults() {
    let config = Config::parse(WHOLE, PathBuf::from("/etc/ca")).unwrap();

    assert_eq!(
        config.path(Path::new("tls.pem")),
        PathBuf::from("/etc/ca/tls.pem")
    );
    assert_eq!(
        config.database.resolved_url(&config.base),
        "sqlite:///etc/ca/ca.db"
    );
    assert_eq!(config.validation.http_port, 80);
    assert_eq!(config.api.requests_per_minute.get(), 600);
    assert_eq!(config.limits.account.unfinished_orders, 1_000);
    assert!(config.profiles[0].to_profile().is_ok());
}

#[test]
fn names_the_nearest_known_key() {
    let text = refusal("lifetime = ", "lifetim = ");

    assert!(text.contains("did you mean \"lifetime\"?"), "{text}");
}

#[test]
fn lists_every_fault_at_once() {
    let text = refusal(
        "issuer = \"tls\"\nlifetime = \"24h\"",
        "issuer = \"x\"\nlifetime = \"25h\"",
    );

    assert!(text.contains("no [[issuer]] \"x\""), "{text}");
    assert!(text.contains("at most 24h"), "{text}");
}

#[test]
fn refuses_values_that_cannot_work() {
    let cases = [
        (
            "https://ca.example.internal:8443",
            "http://ca.example.internal",
            "external_url",
        ),
        ("sqlite://ca.db", "mysql://x", "database.url"),
        (
            "[database]",
            "[api]\nrequests_per_minute = 0\n[database]",
            "nonzero",
        ),
        ("[database]", "[api]\nburst = 601\n[database]", "api.burst"),
        (
            "[database]",
            "[limits.address]\nburst = 60001\n[database]",
            "limits.address.burst",
        ),
        (
            "[database]",
            "[limits.account]\nburst = 0\n[database]",
            "limits.account.burst",
        ),
        ("name = \"default\"", "name = \"a/b\"", "lower-case"),
        (
            "\"dns:**.example.internal\"",
            "\"dns:a*b\"",
            "not a pattern",
        ),
        ("key = \"file:tls.key\"", "key = \"tls.key\"", "pkcs11:"),
        ("[\"crl\", \"ocsp\"]", "\"never\"", "none-needed"),
        ("[\"serverAuth\"]", "[]", "must not be empty"),
        (
            "[\"serverAuth\"]",
            "[\"OCSPSigning\"]",
            "the server's own responders",
        ),
        ("[\"dns\", \"ip\"]", "[]", "unless subject is"),
        (
            "[\"dns\", \"ip\"]",
            "[\"uri\", \"email\"]",
            "ACME can prove no others",
        ),
        (
            "\"dns:**.example.internal\"",
            "\"dns:**.a.**.b.**\"",
            "not a pattern",
        ),
    ];

    for (from, to, expected) in cases {
        let text = refusal(from, to);
        assert!(text.contains(expected), "{to}: {text}");
    }
}

#[test]
fn a_profile_may_take_its_subject_from_the_grant_and_certify_ci_claims() {
    let client = "[[profile]]\nname = \"client\"\nissuer = \"tls\"\n\
        extended_key_usage = [\"clientAuth\"]\nidentifiers = []\n\
        subject = \"grant\"\nci_claims = true\nrevocation = \"none-needed\"\n\n[[acme]]";

    let config = Config::parse(&WHOLE.replace("[[acme]]", client), PathBuf::new()).unwrap();

    let [server, client] = [0, 1].map(|at| config.profiles[at].to_profile().unwrap());
    assert_eq!(server.subject, SubjectRule::Empty);
    assert_eq!(server.ci_claims, CiClaims::LeftOut);
    assert_eq!(client.subject, SubjectRule::Grant);
    assert_eq!(client.ci_claims, CiClaims::Included);
    assert_eq!(client.revocation, RevocationRule::NoneNeeded);
}

#[test]
fn refuses_the_name_of_the_profile_for_the_server_itself() {
    let text = WHOLE.replace("\"tls-server\"", "\"server-tls\"");

    let refused = Config::parse(&text, PathBuf::new()).unwrap_err();

    assert!(refused.to_string().contains("is taken"), "{refused}");
}

#[test]
fn shows_no_password() {
    for url in [
        "postgres://ca:hunter2@db/ca",
        "postgres://ca@db/ca?sslmode=require&password=hunter2",
    ] {
        let text = WHOLE.replace("sqlite://ca.db", url);

        let shown = Config::parse(&text, PathBuf::new())
            .unwrap()
            .to_toml()
            .unwrap();

        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("REDACTED"), "{shown}");
    }
}

#[test]
fn loads_every_sample() {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    let samples = std::fs::read_dir(deploy.join("config")).unwrap();
    let mut files: Vec<PathBuf> = samples.map(|sample| sample.unwrap().path()).collect();
    assert!(files.len() >= 2, "{files:?}");
    files.push(deploy.join("kubernetes/ca-server.toml"));

    for file in files {
        if let Err(error) = Config::load(&file) {
            panic!("{}: {error}", file.display());
        }
    }
}

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
    let text = include_str!("tests/promised.toml");

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
