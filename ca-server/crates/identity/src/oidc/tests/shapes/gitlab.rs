//! Tokens of GitLab.

use super::*;

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
