use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_pki::Timestamp;
use secrecy::SecretSlice;
use serde_json::{Value, json};

use super::*;

const URL: &str = "https://ca.example/acme/default/new-account";
const SECRET: [u8; 32] = [9; 32];
const NOW: Timestamp = Timestamp::from_unix_secs(1_800_000_000);

fn key() -> ExternalAccountKey {
    ExternalAccountKey {
        kid: "kid-1".to_owned(),
        mac_key: SecretSlice::from(SECRET.to_vec()),
        directory: None,
        comment: String::new(),
        principal: None,
        single_use: false,
        expires_at: None,
        revoked_at: None,
        used_at: None,
        created_at: NOW,
    }
}

/// The key of RFC 8037 appendix A.2.
fn jwk() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
}

fn account_key() -> Jwk {
    Jwk::parse(&jwk().to_string()).unwrap()
}

fn binding(header: &Value, payload: &Value, algorithm: hmac::Algorithm) -> String {
    let protected = URL_SAFE_NO_PAD.encode(header.to_string());
    let payload = URL_SAFE_NO_PAD.encode(payload.to_string());
    let key = hmac::Key::new(algorithm, &SECRET);
    let mac = hmac::sign(&key, format!("{protected}.{payload}").as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac);
    json!({"protected": protected, "payload": payload, "signature": signature}).to_string()
}

fn parse(text: &str) -> Option<UnverifiedBinding> {
    UnverifiedBinding::parse(text, URL, &account_key()).ok()
}

#[test]
fn believes_a_binding_made_with_the_key() {
    for (alg, algorithm) in [
        ("HS256", hmac::HMAC_SHA256),
        ("HS384", hmac::HMAC_SHA384),
        ("HS512", hmac::HMAC_SHA512),
    ] {
        let header = json!({"alg": alg, "kid": "kid-1", "url": URL});

        let parsed = parse(&binding(&header, &jwk(), algorithm)).unwrap();

        assert_eq!(parsed.kid, "kid-1");
        assert!(parsed.is_made_with(&key()), "{alg}");
    }
}

#[test]
fn does_not_believe_another_mac_or_another_key() {
    let header = json!({"alg": "HS256", "kid": "kid-1", "url": URL});
    let good = binding(&header, &jwk(), hmac::HMAC_SHA256);
    let longer = binding(&header, &jwk(), hmac::HMAC_SHA512);
    let other_key = ExternalAccountKey {
        mac_key: SecretSlice::from(vec![8; 32]),
        ..key()
    };

    assert!(!parse(&longer).unwrap().is_made_with(&key()));
    assert!(!parse(&good).unwrap().is_made_with(&other_key));
}

#[test]
fn refuses_bindings_that_say_something_else() {
    let mut shuffled = jwk();
    shuffled["kid"] = json!("a member that a thumbprint leaves out");
    let mut stranger = jwk();
    stranger["x"] = json!("A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg");
    let header = json!({"alg": "HS256", "kid": "kid-1", "url": URL});
    let with = |name: &str, value: Value| {
        let mut changed = header.clone();
        changed[name] = value;
        changed
    };
    let cases = [
        (header.clone(), shuffled, true),
        (header.clone(), stranger, false),
        (header.clone(), json!("text"), false),
        (header.clone(), json!({}), false),
        (with("alg", json!("none")), jwk(), false),
        (with("alg", json!("ES256")), jwk(), false),
        (with("url", json!("https://ca.example/other")), jwk(), false),
        (with("nonce", json!("AAAA")), jwk(), false),
        (with("jwk", jwk()), jwk(), false),
        (
            json!({"alg": "HS256", "jwk": jwk(), "url": URL}),
            jwk(),
            false,
        ),
        (json!({"alg": "HS256", "url": URL}), jwk(), false),
    ];

    for (header, payload, accepted) in cases {
        let parsed = parse(&binding(&header, &payload, hmac::HMAC_SHA256));
        assert_eq!(parsed.is_some(), accepted, "{header} {payload}");
    }
}

#[test]
fn takes_only_keys_that_are_good_here_and_now() {
    let second = Duration::from_secs(1);
    let cases = [
        (key(), true),
        (
            ExternalAccountKey {
                directory: Some("default".to_owned()),
                ..key()
            },
            true,
        ),
        (
            ExternalAccountKey {
                directory: Some("other".to_owned()),
                ..key()
            },
            false,
        ),
        (
            ExternalAccountKey {
                expires_at: Some(NOW.plus(second)),
                ..key()
            },
            true,
        ),
        (
            ExternalAccountKey {
                expires_at: Some(NOW),
                ..key()
            },
            false,
        ),
        (
            ExternalAccountKey {
                revoked_at: Some(NOW),
                ..key()
            },
            false,
        ),
        (
            ExternalAccountKey {
                used_at: Some(NOW),
                ..key()
            },
            true,
        ),
        (
            ExternalAccountKey {
                used_at: Some(NOW),
                single_use: true,
                ..key()
            },
            false,
        ),
    ];

    for (key, good) in cases {
        assert_eq!(key.may_bind("default", NOW), good, "{key:?}");
    }
}
