//! What must never be taken for a token of a configured issuer.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::*;
use crate::oidc::{Algorithm, KeySource};
use crate::testing::signing_input;

async fn refused(provider: &Provider, token: &str) -> LoginFailure {
    failure(provider.verify(token, NOW).await)
}

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

#[tokio::test]
async fn refuses_tokens_that_nobody_signed() {
    let issuer = issuer();
    let provider = provider(&issuer);
    let payload = json!(claims(&issuer)).to_string();
    for alg in [
        "none", "None", "NONE", "nOnE", "", "es256", "ES256 ", "ES512", "ES256K", "RSA1_5",
    ] {
        let header = json!({"alg": alg, "kid": "key-1"}).to_string();
        let input = signing_input(&header, &payload);
        let signature = URL_SAFE_NO_PAD.encode(issuer.key().sign(&input, ""));

        for token in [format!("{input}."), format!("{input}.{signature}")] {
            let reason = refused(&provider, &token).await;

            assert_eq!(reason, LoginFailure::AlgorithmNotAllowed, "{alg:?}");
        }
    }
    let header = json!({"alg": "ES256", "kid": "key-1"}).to_string();
    for signature in [Vec::new(), vec![0; 64], vec![0xff; 64], vec![0; 63]] {
        let signature = URL_SAFE_NO_PAD.encode(signature);
        let token = format!("{}.{signature}", signing_input(&header, &payload));

        assert_eq!(refused(&provider, &token).await, LoginFailure::BadSignature);
    }
}

#[tokio::test]
async fn refuses_a_public_key_taken_for_a_shared_secret() {
    let issuer = issuer();
    issuer.set_keys(vec![issuer.key(), RSA.clone()]);
    let provider = provider(&issuer);
    let payload = json!(claims(&issuer)).to_string();
    for key in [issuer.key(), RSA.clone()] {
        let der = key.public_octets();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(&der)
        );
        let jwk = key.jwk().to_string();
        for secret in [der.as_slice(), pem.as_bytes(), jwk.as_bytes()] {
            for (alg, mac) in [
                ("HS256", hmac::HMAC_SHA256),
                ("HS384", hmac::HMAC_SHA384),
                ("HS512", hmac::HMAC_SHA512),
            ] {
                let header = json!({"alg": alg, "kid": key.jwk()["kid"]}).to_string();
                let input = signing_input(&header, &payload);
                let tag = hmac::sign(&hmac::Key::new(mac, secret), input.as_bytes());
                let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag));

                let reason = refused(&provider, &token).await;

                assert_eq!(reason, LoginFailure::AlgorithmNotAllowed, "{alg}");
            }
        }
    }
}

#[tokio::test]
async fn refuses_an_algorithm_that_is_not_configured_though_the_key_fits() {
    let issuer = issuer();
    issuer.set_keys(vec![RSA.clone()]);
    let mut settings = issuer.settings("gitlab", AUDIENCE);
    settings.algorithms = vec![Algorithm::Rs256];
    let source = Arc::clone(&issuer) as Arc<dyn KeySource>;
    let provider = Provider::new(settings, source);
    let signed = |alg| RSA.token_of(&json!({"alg": alg, "kid": "rsa"}), &claims(&issuer));

    assert!(provider.verify(&signed("RS256"), NOW).await.is_ok());
    for alg in ["RS384", "RS512", "PS256"] {
        let reason = refused(&provider, &signed(alg)).await;
        assert_eq!(reason, LoginFailure::AlgorithmNotAllowed, "{alg}");
    }
}

#[tokio::test]
async fn refuses_an_algorithm_that_is_not_the_keys() {
    let issuer = issuer();
    let p384 = TestKey::p384("p384");
    let ed25519 = TestKey::ed25519("ed25519");
    issuer.set_keys(vec![
        issuer.key(),
        p384.clone(),
        ed25519.clone(),
        RSA.clone(),
    ]);
    let provider = provider(&issuer);
    for (kid, alg) in [
        ("key-1", "RS256"),
        ("key-1", "ES384"),
        ("key-1", "EdDSA"),
        ("p384", "ES256"),
        ("ed25519", "ES256"),
        ("rsa", "ES256"),
        ("rsa", "EdDSA"),
    ] {
        for key in [&issuer.key(), &p384, &ed25519, &*RSA] {
            let token = key.token_of(&json!({"alg": alg, "kid": kid}), &claims(&issuer));

            let reason = refused(&provider, &token).await;

            assert_eq!(reason, LoginFailure::AlgorithmMismatch, "{alg} by {kid}");
        }
    }
}

#[tokio::test]
async fn refuses_a_key_for_another_algorithm_than_the_set_gives_it() {
    let issuer = issuer();
    let provider = provider(&issuer);
    let mut jwk = RSA.jwk();
    jwk["alg"] = json!("RS512");
    issuer.answer(&json!({"keys": [jwk]}).to_string());
    let signed = |alg| RSA.token_of(&json!({"alg": alg, "kid": "rsa"}), &claims(&issuer));

    assert!(provider.verify(&signed("RS512"), NOW).await.is_ok());
    let reason = refused(&provider, &signed("RS256")).await;
    assert_eq!(reason, LoginFailure::AlgorithmMismatch);
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
