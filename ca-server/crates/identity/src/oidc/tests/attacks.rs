//! What must never be taken for a token of a configured issuer.

mod algorithms;
mod claims;

use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::json;

use super::*;
use crate::testing::signing_input;

async fn refused(provider: &Provider, token: &str) -> LoginFailure {
    failure(provider.verify(token, NOW).await)
}

#[tokio::test]
async fn refuses_the_name_of_one_key_on_the_signature_of_another() {
    let issuer = issuer();
    let (first, second) = (issuer.key(), TestKey::p256("key-2"));
    issuer.set_keys(vec![first, second.clone()]);
    let provider = provider(&issuer);

    let token = second.renamed("key-1").token(&claims(&issuer));

    assert!(
        provider
            .verify(&second.token(&claims(&issuer)), NOW)
            .await
            .is_ok()
    );
    assert_eq!(refused(&provider, &token).await, LoginFailure::BadSignature);
}

#[tokio::test]
async fn asks_for_the_name_of_the_key_where_there_are_several() {
    let issuer = issuer();
    let provider = provider(&issuer);
    let key = issuer.key();
    let nameless = key.token_of(&json!({"alg": "ES256"}), &claims(&issuer));
    let alone = provider.verify(&nameless, NOW).await;

    issuer.set_keys(vec![key, TestKey::p256("key-2")]);
    let later = NOW.plus(std::time::Duration::from_secs(200));
    let several = self::provider(&issuer).verify(&nameless, later).await;

    assert!(alone.is_ok(), "{alone:?}");
    assert_eq!(failure(several), LoginFailure::KeyNotNamed);
}

#[tokio::test]
async fn never_looks_at_keys_that_a_token_brings_along() {
    let issuer = issuer();
    let provider = provider(&issuer);
    let own = TestKey::p256("key-1");
    for extra in [
        json!({"jwk": own.jwk()}),
        json!({"jku": "https://evil.example/keys"}),
        json!({"x5u": "https://evil.example/certificate"}),
        json!({"x5c": ["MIIB"]}),
    ] {
        let mut header = json!({"alg": "ES256", "kid": "key-1"});
        for (name, value) in extra.as_object().into_iter().flatten() {
            header[name] = value.clone();
        }
        let forged = own.token_of(&header, &claims(&issuer));
        let honest = issuer.key().token_of(&header, &claims(&issuer));

        assert_eq!(
            refused(&provider, &forged).await,
            LoginFailure::BadSignature
        );
        assert!(provider.verify(&honest, NOW).await.is_ok(), "{extra}");
    }
    assert_eq!(issuer.reads(), 1);
}

#[tokio::test]
async fn refuses_a_token_whose_claims_were_changed() {
    let issuer = issuer();
    let provider = provider(&issuer);
    let token = issuer.token(&with(claims(&issuer), "ref_protected", json!("false")));
    let other = issuer.token(&with(claims(&issuer), "ref_protected", json!("true")));
    let (_, signature) = token.rsplit_once('.').unwrap();
    let (claimed, _) = other.rsplit_once('.').unwrap();

    let reason = refused(&provider, &format!("{claimed}.{signature}")).await;

    assert_eq!(reason, LoginFailure::BadSignature);
}

#[tokio::test]
async fn refuses_signed_tokens_that_do_not_read_one_way() {
    let issuer = issuer();
    let provider = provider(&issuer);
    let key = issuer.key();
    let signed = |header: &str, payload: &str| {
        let input = signing_input(header, payload);
        let signature = key.sign(&input, "ES256");
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    let header = r#"{"alg":"ES256","kid":"key-1"}"#;
    let payload = json!(claims(&issuer)).to_string();
    let twice = payload.replacen('{', r#"{"sub":"admin","#, 1);
    let token = signed(header, &payload);
    let padded = format!("{}=", URL_SAFE.encode(b"x").trim_end_matches('='));

    assert!(provider.verify(&token, NOW).await.is_ok());
    let critical = signed(r#"{"alg":"ES256","kid":"key-1","crit":[]}"#, &payload);
    assert_eq!(
        refused(&provider, &critical).await,
        LoginFailure::CriticalHeader
    );
    let huge = format!("{token}{}", "A".repeat(16 * 1024));
    assert_eq!(refused(&provider, &huge).await, LoginFailure::TooLarge);
    for token in [
        signed(header, &twice),
        signed(r#"{"alg":"ES256","kid":"key-1","kid":"key-2"}"#, &payload),
        signed(header, "not JSON"),
        signed(header, "[1]"),
        format!("{token}="),
        format!("{token}.{padded}"),
        format!("Bearer {token}"),
    ] {
        let reason = refused(&provider, &token).await;
        assert!(matches!(reason, LoginFailure::Malformed(_)), "{token}");
    }
}
