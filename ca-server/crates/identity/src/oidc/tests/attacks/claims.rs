//! Claims of others, and claims that cannot be.

use serde_json::{Value, json};

use super::*;
use crate::oidc::KeySource;

#[tokio::test]
async fn refuses_each_wrong_claim_for_its_own_reason() {
    let issuer = issuer();
    let provider = provider(&issuer);
    let good = claims(&issuer);
    let now = NOW.unix_secs();
    let table = [
        (
            "iss",
            json!("https://gitlab.example.com"),
            LoginFailure::UnknownIssuer,
        ),
        (
            "iss",
            json!("https://gitlab.example.internal/"),
            LoginFailure::UnknownIssuer,
        ),
        (
            "iss",
            json!("HTTPS://gitlab.example.internal"),
            LoginFailure::UnknownIssuer,
        ),
        (
            "aud",
            json!("https://ca.example.internal"),
            LoginFailure::WrongAudience,
        ),
        ("aud", json!([]), LoginFailure::WrongAudience),
        (
            "aud",
            json!(["https://other.example.internal"]),
            LoginFailure::WrongAudience,
        ),
        ("aud", json!([AUDIENCE, 7]), LoginFailure::WrongAudience),
        ("aud", json!({"0": AUDIENCE}), LoginFailure::WrongAudience),
        ("aud", Value::Null, LoginFailure::WrongAudience),
        ("exp", json!(now - 30), LoginFailure::Expired),
        ("nbf", json!(now + 31), LoginFailure::NotYetValid),
        ("iat", json!(now + 31), LoginFailure::NotYetValid),
        ("exp", json!(now + 3_601), LoginFailure::LifetimeTooLong),
        ("iat", json!(now - 3_301), LoginFailure::LifetimeTooLong),
    ];
    for (name, value, reason) in table {
        let token = issuer.token(&with(good.clone(), name, value.clone()));

        assert_eq!(refused(&provider, &token).await, reason, "{name} {value}");
    }
    for (name, reason) in [
        ("aud", LoginFailure::WrongAudience),
        ("exp", LoginFailure::TimeMissing("exp")),
        ("iat", LoginFailure::TimeMissing("iat")),
    ] {
        let token = issuer.token(&without(good.clone(), name));

        assert_eq!(refused(&provider, &token).await, reason, "no {name}");
    }
}

#[tokio::test]
async fn refuses_tokens_of_strangers_at_a_public_issuer() {
    let issuer = issuer();
    let mut settings = issuer.settings("github", AUDIENCE);
    for (name, wanted) in [("/cluster/region", "eu-*"), ("owner_id", "42")] {
        settings
            .claims
            .insert(name.to_owned(), wanted.parse().unwrap());
    }
    let provider = Provider::new(settings, Arc::clone(&issuer) as Arc<dyn KeySource>);
    let good = with(claims(&issuer), "owner_id", json!("42"));
    let good = with(good, "cluster", json!({"region": "eu-1"}));
    let missed = |name: &str| LoginFailure::ClaimNotTaken(name.to_owned());

    let taken = provider.verify(&issuer.token(&good), NOW).await;

    assert!(taken.is_ok(), "{taken:?}");
    for (name, value, reason) in [
        ("owner_id", json!("43"), missed("owner_id")),
        ("owner_id", json!("421"), missed("owner_id")),
        ("owner_id", json!(""), missed("owner_id")),
        ("owner_id", Value::Null, missed("owner_id")),
        ("owner_id", json!({"42": "42"}), missed("owner_id")),
        ("cluster", json!("eu-1"), missed("/cluster/region")),
        (
            "cluster",
            json!({"region": "eu/1"}),
            missed("/cluster/region"),
        ),
        ("aud", json!("https://other"), LoginFailure::WrongAudience),
    ] {
        let token = issuer.token(&with(good.clone(), name, value.clone()));

        assert_eq!(refused(&provider, &token).await, reason, "{name} {value}");
    }
    for (claims, reason) in [
        (without(good.clone(), "owner_id"), missed("owner_id")),
        (without(good, "cluster"), missed("/cluster/region")),
    ] {
        assert_eq!(refused(&provider, &issuer.token(&claims)).await, reason);
    }
}

#[tokio::test]
async fn refuses_subjects_and_ids_that_cannot_be_names() {
    let issuer = issuer();
    let provider = provider(&issuer);
    let long = "s".repeat(1_025);
    for (name, value) in [
        ("iss", json!(7)),
        ("sub", Value::Null),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("sub", json!("a\nb")),
        ("sub", json!("a\u{0}")),
        ("sub", json!("mallory via acme:default:1")),
        ("sub", json!(long)),
        ("jti", json!(7)),
        ("jti", json!("")),
        ("jti", json!("a\u{0}")),
        ("jti", json!(long)),
    ] {
        let token = issuer.token(&with(claims(&issuer), name, value.clone()));

        let reason = refused(&provider, &token).await;

        assert!(
            matches!(reason, LoginFailure::Malformed(_)),
            "{name} {value}"
        );
    }
}
