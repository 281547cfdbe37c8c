mod grant;
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
        (
            "[database]",
            "tls_issuer = \"nobody\"\n[database]",
            "server.tls_issuer: there is no [[issuer]] \"nobody\"",
        ),
        (
            "[database]",
            "tls_names = [\"10.0.0.1\", \"a..b\"]\n[database]",
            "server.tls_names",
        ),
        (
            "[database]",
            "[audit]\nkey = \"audit.key\"\n[database]",
            "audit.key",
        ),
        (
            "https://ca.example.internal:8443",
            "https://ca_1.example.internal",
            "server.external_url",
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
