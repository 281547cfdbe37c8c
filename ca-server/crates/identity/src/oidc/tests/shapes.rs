//! Tokens as CI systems and clusters make them.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::Principal;
use crate::oidc::{ProviderKind, ci_claims};

/// Verifies a token with these claims, signed by this key, and returns the principal.
async fn principal_of(key: &TestKey, claims: Value) -> Principal {
    let claims = claims.as_object().expect("claims are an object").clone();
    let issuer = claims["iss"].as_str().expect("an issuer");
    let issuer = Arc::new(TestIssuer::new(issuer));
    issuer.set_keys(vec![key.clone(), TestKey::p256("another")]);
    let provider = issuer.provider("ci", AUDIENCE);
    let verified = provider.verify(&issuer.token(&claims), NOW).await;
    verified.expect("the token is good").principal
}

/// Returns what certificates would say of the job: Fulcio's last arc and the value.
fn extensions(principal: &Principal, kind: ProviderKind) -> BTreeMap<u8, String> {
    let Principal::Oidc { claims, .. } = principal else {
        panic!("{principal:?} came by a token");
    };
    let told = ci_claims(claims, kind).into_iter();
    told.map(|extension| {
        let arc = extension.oid.strip_prefix("1.3.6.1.4.1.57264.1.");
        let arc = arc.and_then(|arc| arc.parse().ok());
        (arc.expect("one of Fulcio's"), extension.value)
    })
    .collect()
}

fn table<const N: usize>(rows: [(u8, &str); N]) -> BTreeMap<u8, String> {
    rows.map(|(arc, value)| (arc, value.to_owned())).into()
}

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

fn gitlab() -> Value {
    let now = NOW.unix_secs();
    json!({
        "namespace_id": "72",
        "namespace_path": "my-group",
        "project_id": "20",
        "project_path": "my-group/my-project",
        "user_id": "1",
        "user_login": "sample-user",
        "user_email": "sample-user@example.internal",
        "user_identities": [{"provider": "github", "extern_uid": "2435223452345"}],
        "user_access_level": "developer",
        "pipeline_id": "574",
        "pipeline_source": "push",
        "job_id": "302",
        "ref": "main",
        "ref_type": "branch",
        "ref_path": "refs/heads/main",
        "ref_protected": "true",
        "groups_direct": ["my-group", "my-group/tools"],
        "environment": "production",
        "environment_protected": "true",
        "deployment_tier": "production",
        "environment_action": "start",
        "runner_id": 1,
        "runner_environment": "self-hosted",
        "sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
        "project_visibility": "internal",
        "ci_config_ref_uri": "gitlab.example.internal/my-group/my-project//.gitlab-ci.yml@refs/heads/main",
        "ci_config_sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
        "jti": "235b3a54-b797-45c7-ae9a-f72d7bc6ef5b",
        "iat": now,
        "nbf": now - 5,
        "exp": now + 3_600,
        "iss": "https://gitlab.example.internal",
        "sub": "project_path:my-group/my-project:ref_type:branch:ref:main",
        "aud": [AUDIENCE],
    })
}

#[tokio::test]
async fn takes_a_gitlab_job() {
    let principal = principal_of(&RSA, gitlab()).await;

    let config =
        "https://gitlab.example.internal/my-group/my-project//.gitlab-ci.yml@refs/heads/main";
    let commit = "714a629c0b401fdce83e847fc9589983fc6f46bc";
    assert_eq!(
        extensions(&principal, ProviderKind::GitLab),
        table([
            (8, "https://gitlab.example.internal"),
            (9, config),
            (10, commit),
            (11, "self-hosted"),
            (12, "https://gitlab.example.internal/my-group/my-project"),
            (13, commit),
            (14, "refs/heads/main"),
            (15, "20"),
            (16, "https://gitlab.example.internal/my-group"),
            (17, "72"),
            (18, config),
            (19, commit),
            (20, "push"),
            (
                21,
                "https://gitlab.example.internal/my-group/my-project/-/jobs/302"
            ),
            (22, "internal"),
            (23, "production"),
            (
                24,
                "project_path:my-group/my-project:ref_type:branch:ref:main"
            ),
        ])
    );
}

#[tokio::test]
async fn leaves_out_what_a_gitlab_token_does_not_say() {
    let mut claims = gitlab();
    let members = claims.as_object_mut().expect("an object");
    for name in ["environment", "ci_config_sha", "job_id"] {
        members.remove(name);
    }
    members.insert("ref_type".to_owned(), json!("merge_request"));
    members.insert("project_visibility".to_owned(), json!(""));
    members.insert("namespace_id".to_owned(), json!(72));
    members.insert("project_id".to_owned(), json!({"id": 20}));
    let principal = principal_of(&TestKey::p256("1"), claims).await;

    let told = extensions(&principal, ProviderKind::GitLab);

    let arcs: Vec<u8> = told.keys().copied().collect();
    assert_eq!(arcs, [8, 9, 11, 12, 13, 16, 17, 18, 20, 24]);
    assert_eq!(told.get(&17).map(String::as_str), Some("72"));
}

#[tokio::test]
async fn takes_a_jenkins_build() {
    let now = NOW.unix_secs();
    let claims = json!({
        "iss": "https://jenkins.example.internal/oidc",
        "aud": AUDIENCE,
        "exp": now + 3_600,
        "iat": now,
        "sub": "https://jenkins.example.internal/job/folder/job/release/",
        "build_number": 42,
    });

    let principal = principal_of(&RSA, claims).await;

    assert_eq!(
        principal.name(),
        "oidc:ci:https://jenkins.example.internal/job/folder/job/release/"
    );
    assert_eq!(
        extensions(&principal, ProviderKind::Other),
        table([
            (8, "https://jenkins.example.internal/oidc"),
            (
                24,
                "https://jenkins.example.internal/job/folder/job/release/"
            ),
        ])
    );
}

#[tokio::test]
async fn takes_a_kubernetes_service_account() {
    let now = NOW.unix_secs();
    let claims = json!({
        "aud": [AUDIENCE, "https://kubernetes.default.svc.cluster.local"],
        "exp": now + 3_600,
        "iat": now,
        "iss": "https://kubernetes.default.svc.cluster.local",
        "jti": "aed34954-b33a-4142-b1ec-389d6bbb4936",
        "kubernetes.io": {
            "namespace": "builds",
            "node": {"name": "worker-1", "uid": "646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1"},
            "pod": {"name": "builder-7d4", "uid": "5e0bd49b-f040-43b0-99b7-22765a53f7f3"},
            "serviceaccount": {"name": "builder", "uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798"},
        },
        "nbf": now,
        "sub": "system:serviceaccount:builds:builder",
    });

    let principal = principal_of(&RSA, claims).await;

    assert_eq!(
        principal.name(),
        "oidc:ci:system:serviceaccount:builds:builder"
    );
    let Principal::Oidc { claims, .. } = &principal else {
        panic!("{principal:?}");
    };
    let nested = Value::Object(claims.clone());
    let namespace = nested.pointer("/kubernetes.io/namespace");
    assert_eq!(namespace, Some(&json!("builds")));
    assert_eq!(extensions(&principal, ProviderKind::Kubernetes).len(), 2);
}

#[tokio::test]
async fn takes_every_algorithm_that_can_be_configured() {
    let issuer = issuer();
    let keys = [TestKey::p384("p384"), TestKey::ed25519("ed25519")];
    let mut all = vec![issuer.key(), RSA.clone()];
    all.extend(keys.clone());
    issuer.set_keys(all);
    let provider = provider(&issuer);
    let by_rsa = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
        .map(|alg| RSA.token_of(&json!({"alg": alg, "kid": "rsa"}), &claims(&issuer)));
    let by_curves = keys.iter().map(|key| key.token(&claims(&issuer)));

    let tokens = by_rsa.into_iter().chain(by_curves);
    for token in tokens.chain([issuer.token(&claims(&issuer))]) {
        let outcome = provider.verify(&token, NOW).await;

        assert!(outcome.is_ok(), "{outcome:?}");
    }
}
