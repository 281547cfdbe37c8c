//! Tokens as CI systems and clusters make them.

mod github;
mod gitlab;

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
