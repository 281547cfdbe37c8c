//! Tokens of GitHub Actions.

use super::*;

fn github() -> Value {
    let now = NOW.unix_secs();
    json!({
        "jti": "0f5b3e2a-6d3c-4f2e-9a52-5f3d3a1c7b11",
        "sub": "repo:octo-org/octo-repo:environment:prod",
        "environment": "prod",
        "aud": AUDIENCE,
        "ref": "refs/heads/main",
        "sha": "9f2b1c0d4e5f60718293a4b5c6d7e8f901234567",
        "repository": "octo-org/octo-repo",
        "repository_owner": "octo-org",
        "actor_id": "12",
        "repository_visibility": "private",
        "repository_id": "74",
        "repository_owner_id": "65",
        "run_id": "1536140711",
        "run_number": "10",
        "run_attempt": "2",
        "runner_environment": "github-hosted",
        "actor": "octocat",
        "workflow": "release",
        "head_ref": "",
        "base_ref": "",
        "event_name": "workflow_dispatch",
        "ref_type": "branch",
        "ref_protected": "true",
        "job_workflow_ref": "octo-org/automation/.github/workflows/oidc.yml@refs/heads/main",
        "job_workflow_sha": "1111111111111111111111111111111111111111",
        "workflow_ref": "octo-org/octo-repo/.github/workflows/release.yml@refs/heads/main",
        "workflow_sha": "9f2b1c0d4e5f60718293a4b5c6d7e8f901234567",
        "iss": "https://token.actions.githubusercontent.com",
        "nbf": now - 600,
        "exp": now + 300,
        "iat": now,
    })
}

#[tokio::test]
async fn takes_a_github_workflow() {
    let principal = principal_of(&RSA, github()).await;

    assert_eq!(
        principal.name(),
        "oidc:ci:repo:octo-org/octo-repo:environment:prod"
    );
    let Principal::Oidc { claims, .. } = &principal else {
        panic!("{principal:?}");
    };
    assert_eq!(claims["repository_id"], "74");
    assert_eq!(claims["aud"], AUDIENCE);
    for name in ["exp", "nbf", "iat", "jti"] {
        assert!(!claims.contains_key(name), "{name} is kept");
    }
    assert_eq!(
        extensions(&principal, ProviderKind::GitHub),
        table([
            (8, "https://token.actions.githubusercontent.com"),
            (
                9,
                "https://github.com/octo-org/automation/.github/workflows/oidc.yml@refs/heads/main"
            ),
            (10, "1111111111111111111111111111111111111111"),
            (11, "github-hosted"),
            (12, "https://github.com/octo-org/octo-repo"),
            (13, "9f2b1c0d4e5f60718293a4b5c6d7e8f901234567"),
            (14, "refs/heads/main"),
            (15, "74"),
            (16, "https://github.com/octo-org"),
            (17, "65"),
            (
                18,
                "https://github.com/octo-org/octo-repo/.github/workflows/release.yml@refs/heads/main"
            ),
            (19, "9f2b1c0d4e5f60718293a4b5c6d7e8f901234567"),
            (20, "workflow_dispatch"),
            (
                21,
                "https://github.com/octo-org/octo-repo/actions/runs/1536140711/attempts/2"
            ),
            (22, "private"),
            (23, "prod"),
            (24, "repo:octo-org/octo-repo:environment:prod"),
        ])
    );
}

#[tokio::test]
async fn tells_githubs_server_only_by_an_issuer_that_says_it() {
    for (issuer, repository) in [
        (
            "https://token.actions.githubusercontent.com/octo-enterprise",
            Some("https://github.com/octo-org/octo-repo"),
        ),
        (
            "https://token.actions.octo.ghe.com",
            Some("https://octo.ghe.com/octo-org/octo-repo"),
        ),
        (
            "https://github.example.internal:8443/_services/token",
            Some("https://github.example.internal:8443/octo-org/octo-repo"),
        ),
        ("https://actions.example.internal", None),
        ("github", None),
    ] {
        let mut claims = github();
        claims["iss"] = json!(issuer);
        let principal = principal_of(&TestKey::p256("1"), claims).await;

        let told = extensions(&principal, ProviderKind::GitHub);

        assert_eq!(told.get(&12).map(String::as_str), repository, "{issuer}");
        assert_eq!(told.contains_key(&9), repository.is_some(), "{issuer}");
        assert_eq!(told.get(&15).map(String::as_str), Some("74"));
    }
}
