//! A configuration and an issuer's certificate for tests, without database and keys.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, GeneralSubtree, IsCa, KeyPair, NameConstraints};
use tempfile::TempDir;

use super::present::Present;
use crate::config::Config;

const CONFIG: &str = r#"
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
lifetime = "8h"
max_lifetime = "24h"
keys = ["ec-p256"]
extended_key_usage = ["serverAuth"]
identifiers = ["dns"]

[[profile]]
name = "client"
issuer = "tls"
extended_key_usage = ["clientAuth"]
identifiers = ["dns"]
subject = "grant"

[[acme]]
name = "default"
profiles = ["tls-server"]
default_profile = "tls-server"
allow = ["dns:**.example.internal"]

[[oidc]]
name = "gitlab"
issuer = "https://gitlab.example.internal"
audience = "https://ca.example.internal:8443"
jwks_url = "https://gitlab.example.internal/oauth/discovery/keys"
algorithms = ["RS256"]

[[operator]]
name = "console"
role = "operator"
who = { client = "console" }

[[grant]]
name = "jobs"
who = { oidc = "gitlab", claims = { project_id = "42" } }
profiles = ["tls-server"]
identifiers = ["dns:*.ci.example.internal"]
max_lifetime = "1h"
networks = ["10.0.0.0/8"]

[[grant]]
name = "users"
who = { oidc = "gitlab", claims = { project_id = "42" } }
profiles = ["client"]
subject = { common_name = "ci:{project_path}" }

[[grant]]
name = "by-role"
who = { role = "operator" }
profiles = ["tls-server"]
identifiers = ["dns:console.example.internal"]
"#;

/// What decides by this configuration; the issuer may certify names below `internal` only.
pub(super) fn present() -> Present {
    changed("", "")
}

/// The same, with something changed in the configuration.
pub(super) fn changed(from: &str, to: &str) -> Present {
    let text = CONFIG.replace(from, to);
    assert!(from == to || text != CONFIG, "nothing was replaced");
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("tls.pem"), issuer()).unwrap();
    Present::of(Config::parse(&text, folder.path().to_owned()).unwrap()).unwrap()
}

fn issuer() -> String {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("internal".to_owned())],
        excluded_subtrees: Vec::new(),
    });
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().pem()
}
