//! How key sets are read, kept, and read again.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::oidc::provider::keep_known_keys;
use crate::oidc::{KeySet, KeySetFault};

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Makes a token that is good at `moment`.
fn token_at(issuer: &TestIssuer, key: &TestKey, moment: Timestamp) -> String {
    key.token(&issuer.claims("job", AUDIENCE, moment))
}

async fn is_good(provider: &Provider, token: &str, moment: Timestamp) -> bool {
    provider.verify(token, moment).await.is_ok()
}

#[tokio::test]
async fn reads_the_set_once_for_all_who_wait() {
    let issuer = issuer();
    let provider = provider(&issuer);
    let token = issuer.token(&claims(&issuer));

    let (first, second, third) = tokio::join!(
        provider.verify(&token, NOW),
        provider.verify(&token, NOW),
        provider.verify(&token, NOW),
    );

    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    assert_eq!(issuer.reads(), 1);
}

#[tokio::test]
async fn reads_the_set_again_for_an_unknown_key_once_in_half_a_minute() {
    let issuer = issuer();
    let provider = provider(&issuer);
    let stranger = TestKey::p256("stranger");
    assert!(is_good(&provider, &issuer.token(&claims(&issuer)), NOW).await);

    for moment in [
        NOW,
        NOW.plus(secs(29)),
        NOW.plus(secs(31)),
        NOW.plus(secs(60)),
    ] {
        let token = token_at(&issuer, &stranger, moment);
        let (one, other) = tokio::join!(
            provider.verify(&token, moment),
            provider.verify(&token, moment)
        );

        assert_eq!(failure(one), LoginFailure::UnknownKey);
        assert_eq!(failure(other), LoginFailure::UnknownKey);
    }

    // At first, and once past half a minute.
    assert_eq!(issuer.reads(), 2);
}

#[tokio::test]
async fn takes_a_new_key_at_once_and_a_removed_one_for_an_hour() {
    let issuer = issuer();
    let provider = provider(&issuer);
    let old = issuer.key();
    assert!(is_good(&provider, &token_at(&issuer, &old, NOW), NOW).await);
    issuer.set_keys(vec![TestKey::p256("new")]);

    let soon = NOW.plus(secs(60));
    let before = is_good(&provider, &token_at(&issuer, &old, soon), soon).await;
    let fresh = is_good(&provider, &issuer.token(&claims(&issuer)), soon).await;
    let removed = provider.verify(&token_at(&issuer, &old, soon), soon).await;

    assert!(before && fresh);
    assert_eq!(failure(removed), LoginFailure::UnknownKey);
}

#[tokio::test]
async fn reads_a_set_again_that_is_an_hour_old() {
    let issuer = issuer();
    let provider = provider(&issuer);
    let key = issuer.key();
    for (after, reads) in [(0, 1), (3_599, 1), (3_600, 2), (7_199, 2), (7_200, 3)] {
        let moment = NOW.plus(secs(after));

        assert!(is_good(&provider, &token_at(&issuer, &key, moment), moment).await);
        assert_eq!(issuer.reads(), reads, "after {after} s");
    }
}

#[tokio::test]
async fn serves_on_for_a_day_while_the_issuer_is_away() {
    let issuer = issuer();
    let provider = provider(&issuer);
    let key = issuer.key();
    assert!(is_good(&provider, &token_at(&issuer, &key, NOW), NOW).await);
    issuer.set_away(true);

    for hours in [1, 12, 23] {
        let moment = NOW.plus(secs(hours * 3_600));
        assert!(is_good(&provider, &token_at(&issuer, &key, moment), moment).await);
    }
    let late = NOW.plus(secs(24 * 3_600));
    let outcome = provider.verify(&token_at(&issuer, &key, late), late).await;

    assert!(
        matches!(outcome, Err(Error::Unavailable { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn says_try_later_where_it_cannot_know_and_recovers() {
    let issuer = issuer();
    let provider = provider(&issuer);
    let token = issuer.token(&claims(&issuer));
    issuer.set_away(true);
    let away = provider.verify(&token, NOW).await;
    let at_once = provider.verify(&token, NOW).await;
    issuer.set_away(false);

    let later = provider.verify(&token, NOW.plus(secs(30))).await;

    assert!(matches!(away, Err(Error::Unavailable { .. })), "{away:?}");
    assert!(matches!(at_once, Err(Error::Unavailable { .. })));
    assert!(later.is_ok(), "{later:?}");
    assert_eq!(issuer.reads(), 2);
}

#[tokio::test]
async fn does_not_call_a_key_unknown_that_it_could_not_look_for() {
    let issuer = issuer();
    let provider = provider(&issuer);
    assert!(is_good(&provider, &issuer.token(&claims(&issuer)), NOW).await);
    issuer.set_away(true);

    let moment = NOW.plus(secs(60));
    let token = token_at(&issuer, &TestKey::p256("new"), moment);
    let outcome = provider.verify(&token, moment).await;

    assert!(
        matches!(outcome, Err(Error::Unavailable { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn keeps_the_keys_it_has_while_the_issuer_answers_nonsense() {
    let issuer = issuer();
    let provider = provider(&issuer);
    let key = issuer.key();
    assert!(is_good(&provider, &token_at(&issuer, &key, NOW), NOW).await);

    let mut moment = NOW;
    for nonsense in ["<html>", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#] {
        issuer.answer(nonsense);
        moment = moment.plus(secs(3_600));

        assert!(is_good(&provider, &token_at(&issuer, &key, moment), moment).await);
    }
    assert_eq!(issuer.reads(), 5);
}

#[tokio::test]
async fn carries_keys_over_to_the_providers_of_the_next_configuration() {
    let issuer = issuer();
    let known = provider(&issuer);
    assert!(is_good(&known, &issuer.token(&claims(&issuer)), NOW).await);
    issuer.set_away(true);
    let elsewhere = Arc::new(TestIssuer::new("https://elsewhere.example.internal"));
    let mut fresh = vec![
        issuer.provider("renamed", "https://new.example.internal"),
        elsewhere.provider("elsewhere", AUDIENCE),
    ];

    keep_known_keys(&mut fresh, &[known]);

    let [renamed, elsewhere_provider] = fresh.as_slice() else {
        panic!("two providers");
    };
    let token = issuer.token(&issuer.claims("job", "https://new.example.internal", NOW));
    assert!(is_good(renamed, &token, NOW).await);
    assert_eq!(issuer.reads(), 1);
    let token = elsewhere.token(&elsewhere.claims("job", AUDIENCE, NOW));
    assert!(is_good(elsewhere_provider, &token, NOW).await);
    assert_eq!(elsewhere.reads(), 1);
}

fn usable(keys: Value) -> Result<usize, KeySetFault> {
    KeySet::parse(&json!({"keys": keys}).to_string()).map(|set| set.usable())
}

fn changed(mut jwk: Value, name: &str, value: Value) -> Value {
    jwk[name] = value;
    jwk
}

#[test]
fn skips_keys_that_cannot_verify_tokens_and_keeps_the_others() {
    let good = TestKey::p256("good").jwk();
    let rsa = RSA.jwk();
    // 1024 bits, and an exponent of three.
    let small = changed(rsa.clone(), "n", json!(format!("w{}", "A".repeat(169))));
    let low = changed(rsa.clone(), "e", json!("Aw"));
    let ed25519 = TestKey::ed25519("ed").jwk();
    for odd in [
        json!({"kty": "oct", "k": "c2VjcmV0", "kid": "good"}),
        json!({"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"}),
        json!({"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"}),
        json!({"kty": "OKP", "crv": "X25519", "x": "AA"}),
        json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"}),
        json!({"kid": "no type"}),
        json!("a text"),
        small,
        low,
        changed(good.clone(), "use", json!("enc")),
        changed(good.clone(), "key_ops", json!(["sign"])),
        changed(good.clone(), "alg", json!("ECDH-ES")),
        changed(good.clone(), "alg", json!("HS256")),
        changed(good.clone(), "kid", json!(7)),
        changed(good.clone(), "x", good["y"].clone()),
        changed(good.clone(), "x", json!("AA")),
        changed(ed25519, "x", json!("AA")),
    ] {
        assert_eq!(usable(json!([odd, good])), Ok(1), "{odd}");
    }
    assert_eq!(usable(json!([good, rsa])), Ok(2));
    let for_both = changed(good, "key_ops", json!(["sign", "verify"]));
    assert_eq!(usable(json!([for_both])), Ok(1));
}

#[test]
fn bounds_what_it_takes_for_a_key_set() {
    let key = TestKey::p256("key").jwk();
    let many = vec![key.clone(); 129];
    let large = json!({"keys": [key], "pad": "x".repeat(256 * 1024)}).to_string();
    let deep = format!(r#"{{"keys":{}{}}}"#, "[".repeat(5_000), "]".repeat(5_000));

    assert_eq!(usable(json!(many)), Err(KeySetFault::TooManyKeys));
    assert_eq!(KeySet::parse(&large).err(), Some(KeySetFault::TooLarge));
    for text in ["", "[]", "{}", r#"{"keys":null}"#, &deep] {
        assert_eq!(KeySet::parse(text).err(), Some(KeySetFault::Malformed));
    }
    assert_eq!(usable(json!([])), Ok(0));
}
