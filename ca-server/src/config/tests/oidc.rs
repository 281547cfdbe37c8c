use std::time::Duration;

use ca_identity::oidc::{Algorithm, ProviderKind};

use super::*;

const OIDC: &str = r#"
[[oidc]]
name = "gitlab"
issuer = "https://gitlab.example.internal"
audience = "https://ca.example.internal:8443"
jwks_url = "https://gitlab.example.internal/oauth/discovery/keys"
algorithms = ["RS256", "ES256"]
"#;

#[test]
fn reads_an_issuer_of_tokens_and_fills_in_defaults() {
    let config = Config::parse(&format!("{WHOLE}{OIDC}"), PathBuf::new()).unwrap();

    let settings = config.oidc[0].to_settings().unwrap();

    assert_eq!(settings.name, "gitlab");
    assert_eq!(settings.audiences, ["https://ca.example.internal:8443"]);
    assert_eq!(settings.algorithms, [Algorithm::Rs256, Algorithm::Es256]);
    assert_eq!(settings.max_token_lifetime, Duration::from_secs(3_600));
    assert_eq!(settings.kind, ProviderKind::Other);
    assert!(!settings.single_use);
    assert!(settings.claims.is_empty());
}

#[test]
fn reads_an_issuer_of_tokens_with_every_key() {
    let whole =
        OIDC.replace(
            "audience = \"https://ca.example.internal:8443\"",
            "audience = [\"a\", \"b\"]",
        )
        .replace(
            "jwks_url = \"https://gitlab.example.internal/oauth/discovery/keys\"",
            "jwks_file = \"keys.json\"",
        ) + "single_use = true\nmax_token_lifetime = \"10m\"\nkind = \"gitlab\"\n"
            + "claims = { namespace_id = 7, \"/a/b\" = \"c*\" }\n";
    let config = Config::parse(&format!("{WHOLE}{whole}"), PathBuf::new()).unwrap();

    let settings = config.oidc[0].to_settings().unwrap();

    assert_eq!(settings.audiences, ["a", "b"]);
    assert_eq!(settings.max_token_lifetime, Duration::from_secs(600));
    assert_eq!(settings.kind, ProviderKind::GitLab);
    assert!(settings.single_use);
    assert_eq!(settings.claims["namespace_id"], "7".parse().unwrap());
    assert_eq!(settings.claims["/a/b"], "c*".parse().unwrap());
    let shown = config.to_toml().unwrap();
    let again = Config::parse(&shown, PathBuf::new()).unwrap();
    assert_eq!(again.oidc[0].to_settings().unwrap(), settings, "{shown}");
}

#[test]
fn refuses_issuers_of_tokens_that_would_let_others_in() {
    let twice = format!("{OIDC}{}", OIDC.replace("\"gitlab\"", "\"other\""));
    let cases = [
        ("[\"RS256\", \"ES256\"]", "[\"HS256\"]", "is HMAC"),
        ("[\"RS256\", \"ES256\"]", "[\"none\"]", "is no signature"),
        ("[\"RS256\", \"ES256\"]", "[\"ES512\"]", "use some of RS256"),
        (
            "[\"RS256\", \"ES256\"]",
            "[]",
            "algorithms must not be empty",
        ),
        (
            "jwks_url = \"https://",
            "jwks_url = \"http://",
            "must be an https URL",
        ),
        (
            "jwks_url = \"https://",
            "jwks_url = \"https://u:p@",
            "user name",
        ),
        ("jwks_url = \"https://", "jwks_url = \"", "is not a URL"),
        (
            "algorithms",
            "jwks_file = \"keys.json\"\nalgorithms",
            "exactly one of",
        ),
        (
            "jwks_url = \"https://gitlab.example.internal/oauth/discovery/keys\"",
            "",
            "exactly one of",
        ),
        (
            "jwks_url = \"https://gitlab.example.internal/oauth/discovery/keys\"",
            "jwks_file = \"keys.json\"\njwks_ca = \"ca.pem\"",
            "jwks_ca is for jwks_url",
        ),
        (
            "jwks_url = \"https://gitlab.example.internal/oauth/discovery/keys\"",
            "jwks_file = \"keys.json\"\njwks_networks = [\"::/0\"]",
            "jwks_networks is for jwks_url",
        ),
        (
            "algorithms",
            "jwks_networks = [\"gitlab.example.internal\"]\nalgorithms",
            "jwks_networks",
        ),
        (
            "algorithms",
            "claims = { namespace_id = \"\" }\nalgorithms",
            "claim namespace_id",
        ),
        (
            "algorithms",
            "claims = { namespace_id = \"**\" }\nalgorithms",
            "some text",
        ),
        (
            "issuer = \"https://gitlab.example.internal\"",
            "issuer = \"\"",
            "issuer must not",
        ),
        (
            "issuer = \"https://gitlab.example.internal\"",
            "issuer = \"https://ca.example.internal:8443\"",
            "this server itself",
        ),
        (
            "audience = \"https://ca.example.internal:8443\"",
            "audience = []",
            "audience must",
        ),
        (
            "audience = \"https://ca.example.internal:8443\"",
            "audience = [\"\"]",
            "audience must",
        ),
        (
            "algorithms",
            "max_token_lifetime = \"8d\"\nalgorithms",
            "1m to 24h",
        ),
        (
            "algorithms",
            "kind = \"svn\"\nalgorithms",
            "unknown variant",
        ),
        ("algorithms", "jwks_uri = \"x\"\nalgorithms", "jwks_url"),
        (
            "name = \"gitlab\"",
            "name = \"Git Lab\"",
            "lower-case letters",
        ),
        (OIDC, &twice, "stands twice"),
    ];

    for (from, to, expected) in cases {
        let oidc = OIDC.replacen(from, to, 1);
        assert_ne!(oidc, OIDC, "nothing was replaced");
        let refused = Config::parse(&format!("{WHOLE}{oidc}"), PathBuf::new()).unwrap_err();
        let text = refused.to_string();
        assert!(text.contains(expected), "{to}: {text}");
    }
}

#[test]
fn warns_of_public_issuers_that_let_everybody_in() {
    let now = Timestamp::parse_rfc3339("2026-11-22T00:00:00Z").unwrap();
    let warnings = |issuer: &str, more: &str| {
        let oidc = OIDC.replace("https://gitlab.example.internal\"", &format!("{issuer}\""));
        let config = Config::parse(&format!("{WHOLE}{oidc}{more}"), PathBuf::new()).unwrap();
        config.warnings(now)
    };

    for (issuer, claim) in [
        (
            "https://token.actions.githubusercontent.com",
            "repository_owner_id",
        ),
        ("https://gitlab.com", "namespace_id"),
    ] {
        let open = warnings(issuer, "");
        let closed = warnings(issuer, &format!("claims = {{ {claim} = \"42\" }}\n"));

        assert!(open[0].contains(claim), "{open:?}");
        assert_eq!(closed, Vec::<String>::new());
    }
    assert_eq!(
        warnings("https://gitlab.example.internal", ""),
        Vec::<String>::new()
    );
}
