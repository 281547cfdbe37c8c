//! Algorithms that nobody agreed on.

use aws_lc_rs::hmac;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::oidc::{Algorithm, KeySource};

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
