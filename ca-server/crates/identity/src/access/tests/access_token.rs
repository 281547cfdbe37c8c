//! Access tokens of clients.

use super::*;

fn ed25519_header() -> Value {
    json!({ "typ": "JWT", "alg": "EdDSA" })
}

#[tokio::test]
async fn knows_a_client_by_its_access_token_on_every_server() {
    let bench = Bench::new().await;
    let credentials = bench.add_client(Some(Role::Operator)).await;
    let tokens = bench.log_in(&credentials, None).await;
    let elsewhere = bench.another_server().await;
    let presented = Presented {
        unverified_bearer: Some(text(&tokens.access_token)),
        unverified_certificate: None,
        address: crate::access::bench::HOME,
    };

    let identity = elsewhere.authenticate(presented).await.unwrap();

    assert_eq!(identity.principal.name(), "client:deployer");
    assert_eq!(identity.role, Some(Role::Operator));
    assert_eq!(bench.events(), ["login.succeeded"]);
}

#[tokio::test]
async fn refuses_an_access_token_after_fifteen_minutes() {
    let bench = Bench::new().await;
    let credentials = bench.add_client(None).await;
    let tokens = bench.log_in(&credentials, None).await;
    let token = text(&tokens.access_token);

    bench.advance(Duration::from_secs(899));
    let before = bench.bearer(token).await.map(|identity| identity.role);
    bench.advance(Duration::from_secs(1));
    let after = bench.bearer(token).await;

    assert_eq!(before, Ok(None));
    assert_eq!(after.unwrap_err(), LoginFailure::Expired);
}

#[tokio::test]
async fn refuses_the_access_tokens_of_a_removed_client() {
    let bench = Bench::new().await;
    let credentials = bench.add_client(None).await;
    let tokens = bench.log_in(&credentials, None).await;

    let removed = bench.access.remove_client("deployer", Actor::System);
    removed.await.unwrap();

    let outcome = bench.bearer(text(&tokens.access_token)).await;
    assert_eq!(outcome.unwrap_err(), LoginFailure::Revoked);
}

#[tokio::test]
async fn refuses_an_access_token_without_a_signature() {
    for alg in ["none", "None", "NONE", ""] {
        let bench = Bench::new().await;
        let header = json!({ "typ": "JWT", "alg": alg });
        let token = bench.resigned(header, |_| {}, |_| Vec::new()).await;

        let outcome = bench.bearer(&token).await;

        assert_eq!(outcome.unwrap_err(), LoginFailure::AlgorithmNotAllowed);
    }
}

#[tokio::test]
async fn refuses_an_access_token_under_hmac_with_the_public_key() {
    let bench = Bench::new().await;
    let pair = bench.own_key().await;
    let public = aws_lc_rs::signature::KeyPair::public_key(&pair)
        .as_ref()
        .to_vec();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &public);
    let header = json!({ "typ": "JWT", "alg": "HS256" });
    let sign = |input: &[u8]| hmac::sign(&key, input).as_ref().to_vec();
    let token = bench.resigned(header, |_| {}, sign).await;

    let outcome = bench.bearer(&token).await;

    assert_eq!(outcome.unwrap_err(), LoginFailure::AlgorithmNotAllowed);
}

#[tokio::test]
async fn refuses_an_access_token_signed_with_another_key() {
    let bench = Bench::new().await;
    let other = Ed25519KeyPair::generate().unwrap();
    let sign = |input: &[u8]| other.sign(input).as_ref().to_vec();
    let token = bench.resigned(ed25519_header(), |_| {}, sign).await;

    let outcome = bench.bearer(&token).await;

    assert_eq!(outcome.unwrap_err(), LoginFailure::BadSignature);
}

#[tokio::test]
async fn refuses_a_header_that_brings_a_key_or_an_extension() {
    for extra in ["jwk", "jku", "kid", "x5u", "crit"] {
        let bench = Bench::new().await;
        let pair = bench.own_key().await;
        let mut header = ed25519_header();
        header[extra] = match extra {
            "jwk" => json!({ "kty": "OKP", "crv": "Ed25519", "x": "AA" }),
            "crit" => json!(["b64"]),
            _ => json!("https://attacker.example/key"),
        };
        let sign = |input: &[u8]| pair.sign(input).as_ref().to_vec();
        let token = bench.resigned(header, |_| {}, sign).await;

        let outcome = bench.bearer(&token).await;

        assert!(
            matches!(outcome, Err(LoginFailure::Malformed(_))),
            "{extra}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn refuses_claims_that_contradict_the_session() {
    let cases: [(&str, Value); 3] = [
        ("sub", json!("client:other")),
        ("sid", json!("AAAAAAAAAAAAAAAAAAAAAA")),
        (
            "cnf",
            json!({ "x5t#S256": URL_SAFE_NO_PAD.encode([7; 32]) }),
        ),
    ];
    for (claim, value) in cases {
        let bench = Bench::new().await;
        let pair = bench.own_key().await;
        let change = |claims: &mut Value| claims[claim] = value.clone();
        let sign = |input: &[u8]| pair.sign(input).as_ref().to_vec();
        let token = bench.resigned(ed25519_header(), change, sign).await;

        let outcome = bench.bearer(&token).await;

        assert!(outcome.is_err(), "{claim} was changed");
    }
}

#[tokio::test]
async fn refuses_an_access_token_for_another_audience_or_from_the_future() {
    for (claim, expected) in [
        ("aud", LoginFailure::WrongAudience),
        ("iat", LoginFailure::NotYetValid),
    ] {
        let bench = Bench::new().await;
        let pair = bench.own_key().await;
        let later = bench.world.clock.now().plus(HOUR).unix_secs();
        let change = |claims: &mut Value| match claim {
            "aud" => claims["aud"] = json!("https://other.example"),
            _ => {
                claims["iat"] = json!(later);
                claims["exp"] = json!(later + 60);
            }
        };
        let sign = |input: &[u8]| pair.sign(input).as_ref().to_vec();
        let token = bench.resigned(ed25519_header(), change, sign).await;

        let outcome = bench.bearer(&token).await;

        assert_eq!(outcome.unwrap_err(), expected);
    }
}

#[tokio::test]
async fn takes_a_bound_token_only_with_its_certificate() {
    let bench = Bench::new().await;
    let own = bench.certificate(ExtendedKeyUsage::ClientAuth).await;
    let other = bench.certificate(ExtendedKeyUsage::ClientAuth).await;
    let credentials = bench.add_client(None).await;
    let tokens = bench.log_in(&credentials, Some(&own)).await;
    let show = |certificate| Shown {
        bearer: Some(text(&tokens.access_token)),
        certificate,
    };

    let with_it = bench.authenticate(show(Some(&own))).await;
    let without = bench.authenticate(show(None)).await;
    let with_another = bench.authenticate(show(Some(&other))).await;

    assert_eq!(with_it.unwrap().principal.name(), "client:deployer");
    assert_eq!(without.unwrap_err(), LoginFailure::NotBound);
    assert_eq!(with_another.unwrap_err(), LoginFailure::NotBound);
}

#[tokio::test]
async fn ends_a_bound_token_with_its_certificate() {
    let bench = Bench::new().await;
    let own = bench.certificate(ExtendedKeyUsage::ClientAuth).await;
    let credentials = bench.add_client(None).await;
    let tokens = bench.log_in(&credentials, Some(&own)).await;
    bench.revoke(own.serial()).await;

    let shown = Shown {
        bearer: Some(text(&tokens.access_token)),
        certificate: Some(&own),
    };
    let outcome = bench.authenticate(shown).await;

    assert_eq!(outcome.unwrap_err(), LoginFailure::CertificateRevoked);
}
