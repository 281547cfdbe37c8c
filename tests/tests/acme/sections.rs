//! What the suite's server offers.

/// Beside what quickstart makes: profiles and directories with rules of their own.
pub(crate) const SECTIONS: &str = r#"
    [[profile]]
    name = "short"
    description = "one hour, no revocation needed"
    issuer = "tls"
    lifetime = "1h"
    max_lifetime = "2h"
    keys = ["ec-p256"]
    extended_key_usage = ["serverAuth"]
    identifiers = ["dns"]
    subject = "first-dns-name"
    revocation = ["crl", "ocsp"]

    [[acme]]
    name = "profiles"
    profiles = ["tls-server", "mtls", "short"]
    default_profile = "mtls"
    allow = ["dns:**", "ip:127.0.0.0/8"]
    wildcards = true

    [[acme]]
    name = "narrow"
    profiles = ["tls-server"]
    default_profile = "tls-server"
    external_account = "off"
    challenges = ["http-01"]
    allow = ["dns:*.narrow.example.internal"]
    deny = ["dns:secret.narrow.example.internal"]

    [[acme]]
    name = "bound"
    profiles = ["tls-server"]
    default_profile = "tls-server"
    external_account = "required"
    allow = ["dns:**"]

    [[acme]]
    name = "terms"
    profiles = ["tls-server"]
    default_profile = "tls-server"
    terms_of_service = "https://ca.example.internal/terms"
    website = "https://ca.example.internal/"
    allow = ["dns:**"]
"#;
