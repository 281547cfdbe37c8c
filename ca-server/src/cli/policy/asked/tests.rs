use std::fs;
use std::time::Duration;

use ca_identity::testing::TestIssuer;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::cli::policy::bench;

#[test]
fn claims_are_put_where_pointers_lead() {
    let mut claims = Map::new();
    for (key, value) in [
        ("sub", "job"),
        ("/kubernetes.io/namespace", "build"),
        ("/kubernetes.io/serviceaccount/name", "ci"),
        ("groups", "a"),
        ("groups", "b"),
        ("groups", "c"),
    ] {
        put(&mut claims, &path(key), value).unwrap();
    }

    assert_eq!(
        Value::Object(claims),
        json!({
            "sub": "job",
            "kubernetes.io": { "namespace": "build", "serviceaccount": { "name": "ci" } },
            "groups": ["a", "b", "c"],
        })
    );
}

#[test]
fn a_claim_cannot_be_text_and_hold_others() {
    let mut claims = Map::new();
    put(&mut claims, &path("a"), "b").unwrap();

    assert_eq!(put(&mut claims, &path("/a/c"), "d"), None);
}

#[test]
fn names_of_certificates_may_leave_their_type_out() {
    for (text, expected) in [
        ("spiffe://x.example/ci", "uri:spiffe://x.example/ci"),
        ("uri:spiffe://x.example/ci", "uri:spiffe://x.example/ci"),
        ("web.example", "dns:web.example"),
        ("ip:10.0.0.1", "ip:10.0.0.1"),
    ] {
        assert_eq!(certificate_name(text).unwrap().to_string(), expected);
    }
}

/// Asks by a token of the bench's provider, made at noon and read some time later.
async fn by_a_token(audience: &str, later: Duration) -> Asking {
    let folder = TempDir::new().unwrap();
    let issuer = TestIssuer::new("https://gitlab.example.internal");
    let (keys, token) = (folder.path().join("keys"), folder.path().join("token"));
    let noon = Timestamp::from_unix_secs(1_795_262_400);
    let mut claims = issuer.claims("job", audience, noon);
    claims.insert("project_id".to_owned(), json!("42"));
    fs::write(&keys, issuer.key_set()).unwrap();
    fs::write(&token, issuer.token(&claims) + "\n").unwrap();
    let url = "jwks_url = \"https://gitlab.example.internal/oauth/discovery/keys\"\nalgorithms = [\"RS256\"]";
    let file = format!("jwks_file = {keys:?}\nalgorithms = [\"ES256\"]");
    let present = bench::changed(url, &file);

    by_token(&token, &present.config, noon.plus(later))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_good_token_is_believed() {
    let asking = by_a_token("https://ca.example.internal:8443", Duration::ZERO).await;

    assert_eq!(asking.refused, None);
    assert_eq!(asking.principal.name(), "oidc:gitlab:job");
    let Principal::Oidc { claims, .. } = asking.principal else {
        panic!("{:?}", asking.principal);
    };
    assert_eq!(claims["project_id"], "42");
    assert!(!claims.contains_key("exp"), "{claims:?}");
}

#[tokio::test]
async fn a_token_that_the_server_would_not_take_is_explained_all_the_same() {
    let day = Duration::from_secs(86_400);
    let ended = by_a_token("https://ca.example.internal:8443", day).await;
    let elsewhere = by_a_token("https://other.example.internal", Duration::ZERO).await;

    assert!(ended.refused.unwrap().contains("expired"));
    assert!(elsewhere.refused.unwrap().contains("audience"));
    assert_eq!(ended.principal.name(), "oidc:gitlab:job");
}

#[test]
fn claims_that_the_provider_does_not_take_are_told() {
    let present = bench::changed(
        "algorithms = [\"RS256\"]",
        "algorithms = [\"RS256\"]\nclaims = { namespace_id = \"7\" }",
    );
    let asked = |namespace: &str| {
        let claims = ClaimArguments {
            claims: vec![("namespace_id".to_owned(), namespace.to_owned())],
        };
        by_claims("gitlab".to_owned(), claims, &present.config).unwrap()
    };

    let (ours, stranger) = (asked("7"), asked("8"));

    assert_eq!(ours.refused, None);
    assert!(stranger.refused.unwrap().contains("namespace_id"));
}
