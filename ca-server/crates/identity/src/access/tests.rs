use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_issuance::{Actor, Clock};
use ca_pki::Serial;
use ca_pki::certificate::ExtendedKeyUsage;
use ca_pki::crl::RevocationReason;
use serde_json::{Value, json};

use super::bench::{AUDIENCE, Bench, Shown, signed, text};
use crate::grant::Who;
use crate::oidc::{KeySource, Provider};
use crate::operator::{NewOperatorToken, OperatorRule};
use crate::{Credential, Error, LoginFailure, Presented, Principal, Role, Rules};

const HOUR: Duration = Duration::from_secs(3_600);

impl Bench {
    async fn certificate_only(&self, der: &ca_pki::Certificate) -> Result<String, LoginFailure> {
        let shown = Shown {
            bearer: None,
            certificate: Some(der),
        };
        let identity = self.authenticate(shown).await?;
        assert_eq!(identity.credential, Credential::Certificate);
        Ok(identity.principal.name())
    }

    async fn revoke(&self, serial: &Serial) {
        let corridor = &self.world.corridor;
        let ledger = corridor.ledger();
        let event = ca_issuance::audit::Event {
            at: self.world.clock.now(),
            kind: ca_issuance::audit::EventKind::CertificateRevoked,
            actor: Actor::System,
            subject: serial.to_string(),
            details: json!({}),
        };
        let revoked = ledger.revoke("tls", serial, RevocationReason::KeyCompromise, event);
        revoked.await.unwrap();
    }

    async fn add_operator_token(&self, lifetime: Option<Duration>) -> (String, String) {
        let new = NewOperatorToken {
            name: "anna".into(),
            role: Role::Auditor,
            lifetime,
        };
        let entropy = self.world.corridor.entropy();
        let (token, secret) = new.draw(self.world.clock.now(), entropy.as_ref()).unwrap();
        let (id, event) = (token.id.clone(), token.created(Actor::System));
        let store: &dyn crate::IdentityStore = self.store.as_ref();
        store.add_operator_token(token, event).await.unwrap();
        (id, text(&secret).to_owned())
    }

    /// Takes an access token apart and signs it anew.
    async fn resigned(
        &self,
        header: Value,
        change: impl Fn(&mut Value),
        sign: impl Fn(&[u8]) -> Vec<u8>,
    ) -> String {
        let credentials = self.add_client(None).await;
        let tokens = self.log_in(&credentials, None).await;
        let payload = text(&tokens.access_token).split('.').nth(1).unwrap();
        let mut claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        change(&mut claims);
        signed(&header, &claims, sign)
    }

    /// The pair that access tokens are signed with, as only the store knows it.
    async fn own_key(&self) -> Ed25519KeyPair {
        let store: &dyn crate::IdentityStore = self.store.as_ref();
        let seed = store.shared_secret("access-token", [0; 32]).await.unwrap();
        Ed25519KeyPair::from_seed_unchecked(&seed).unwrap()
    }
}

fn ed25519_header() -> Value {
    json!({ "typ": "JWT", "alg": "EdDSA" })
}

#[tokio::test]
async fn asks_for_a_credential_without_writing_an_event() {
    let bench = Bench::new().await;

    let outcome = bench.authenticate(Shown::default()).await;

    assert_eq!(outcome.unwrap_err(), LoginFailure::Missing);
    assert!(bench.events().is_empty());
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
        address: super::bench::HOME,
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

#[tokio::test]
async fn takes_the_bearer_before_the_certificate() {
    let bench = Bench::new().await;
    let certificate = bench.certificate(ExtendedKeyUsage::ClientAuth).await;
    let (_, token) = bench.add_operator_token(None).await;

    let shown = Shown {
        bearer: Some(&token),
        certificate: Some(&certificate),
    };
    let identity = bench.authenticate(shown).await.unwrap();

    assert_eq!(identity.principal.name(), "operator:anna");
    let thumbprint = certificate.fingerprint_sha256();
    assert_eq!(identity.certificate_thumbprint, Some(thumbprint));
}

#[tokio::test]
async fn does_not_fall_back_to_the_certificate_when_the_bearer_is_wrong() {
    let bench = Bench::new().await;
    let certificate = bench.certificate(ExtendedKeyUsage::ClientAuth).await;

    let shown = Shown {
        bearer: Some("cao_wrong"),
        certificate: Some(&certificate),
    };
    let outcome = bench.authenticate(shown).await;

    assert_eq!(outcome.unwrap_err(), LoginFailure::UnknownToken);
}

#[tokio::test]
async fn keeps_out_strangers_of_a_public_issuer_from_the_reload_on() {
    let bench = Bench::new().await;
    let token = bench.ci_token("stranger", HOUR);
    let before = bench.bearer(&token).await;
    let mut settings = bench.issuer.settings("ci", AUDIENCE);
    let ours = "42".parse().unwrap();
    settings.claims.insert("owner_id".to_owned(), ours);
    let keys = Arc::clone(&bench.issuer) as Arc<dyn KeySource>;

    bench.access.replace_rules(Rules {
        providers: vec![Arc::new(Provider::new(settings, keys))],
        ..Rules::default()
    });
    let after = bench.bearer(&token).await;

    let reason = LoginFailure::ClaimNotTaken("owner_id".to_owned());
    assert!(before.is_ok(), "{before:?}");
    assert_eq!(after.unwrap_err(), reason);
    assert_eq!(bench.events(), ["login.succeeded", "login.failed"]);
    let events = bench.store.events();
    assert_eq!(events[1].details["reason"], json!(reason.to_string()));
}

#[tokio::test]
async fn knows_the_holder_of_a_certificate_until_it_is_revoked() {
    let bench = Bench::new().await;
    let certificate = bench.certificate(ExtendedKeyUsage::ClientAuth).await;

    let before = bench.certificate_only(&certificate).await;
    bench.revoke(certificate.serial()).await;
    let after = bench.certificate_only(&certificate).await;

    assert_eq!(
        before,
        Ok(format!("certificate:tls:{}", certificate.serial()))
    );
    assert_eq!(after, Err(LoginFailure::CertificateRevoked));
    assert_eq!(bench.events(), ["login.succeeded", "login.failed"]);
}

#[tokio::test]
async fn refuses_a_certificate_out_of_its_time() {
    let bench = Bench::new().await;
    let certificate = bench.certificate(ExtendedKeyUsage::ClientAuth).await;

    bench.advance(HOUR + Duration::from_secs(1));

    let outcome = bench.certificate_only(&certificate).await;
    assert_eq!(outcome, Err(LoginFailure::CertificateExpired));
}

#[tokio::test]
async fn refuses_a_certificate_that_is_for_servers() {
    let bench = Bench::new().await;
    let certificate = bench.certificate(ExtendedKeyUsage::ServerAuth).await;

    let outcome = bench.certificate_only(&certificate).await;

    assert_eq!(outcome, Err(LoginFailure::CertificateNotForClients));
}

#[tokio::test]
async fn refuses_a_certificate_that_borrows_issuer_and_serial() {
    let bench = Bench::new().await;
    let ours = bench.certificate(ExtendedKeyUsage::ServerAuth).await;
    let forged = bench.forge(ours.serial(), ExtendedKeyUsage::ClientAuth);

    let outcome = bench.certificate_only(&forged).await;

    assert_eq!(outcome, Err(LoginFailure::UnknownCertificate));
}

#[tokio::test]
async fn refuses_an_operator_token_that_is_unknown_expired_or_revoked() {
    let bench = Bench::new().await;
    let (_, short) = bench.add_operator_token(Some(HOUR)).await;
    let (id, long) = bench.add_operator_token(None).await;
    let role = bench.bearer(&short).await.map(|identity| identity.role);
    assert_eq!(role, Ok(Some(Role::Auditor)));

    bench.advance(HOUR);
    let event = crate::operator::revoked(&id, Actor::System, bench.world.clock.now());
    let store: &dyn crate::IdentityStore = bench.store.as_ref();
    store.revoke_operator_token(&id, event).await.unwrap();

    let outcomes = [&short, &long, "cao_"].map(|token| token.to_owned());
    let expected = [
        LoginFailure::Expired,
        LoginFailure::Revoked,
        LoginFailure::UnknownToken,
    ];
    for (token, expected) in outcomes.into_iter().zip(expected) {
        assert_eq!(bench.bearer(&token).await.unwrap_err(), expected);
    }
}

#[tokio::test]
async fn refuses_what_is_no_token() {
    let bench = Bench::new().await;

    for text in ["", "x", "car_AAAA", "cas_AAAA", "a.b", "a.b.c.d"] {
        let outcome = bench.bearer(text).await;

        assert_eq!(outcome.unwrap_err(), LoginFailure::UnknownToken, "{text:?}");
    }
}

#[tokio::test]
async fn knows_a_job_by_its_token_and_writes_one_event_for_many_requests() {
    let bench = Bench::new().await;
    let token = bench.ci_token("project:42", HOUR);

    for _ in 0..3 {
        let identity = bench.bearer(&token).await.unwrap();
        assert_eq!(identity.credential, Credential::CiToken);
        assert!(matches!(identity.principal, Principal::Oidc { .. }));
    }

    let events = bench.store.events();
    assert_eq!(bench.events(), ["login.succeeded"]);
    assert_eq!(events[0].actor.to_string(), "oidc:ci:project:42");
    assert_eq!(events[0].details["address"], json!("192.0.2.7"));
}

#[tokio::test]
async fn lets_nobody_in_while_the_audit_log_cannot_be_written() {
    let bench = Bench::new().await;
    let token = bench.ci_token("project:42", HOUR);
    let presented = Presented {
        unverified_bearer: Some(&token),
        unverified_certificate: None,
        address: super::bench::HOME,
    };
    bench.store.set_away(true);

    let outcome = bench.access.authenticate(presented).await;

    assert!(
        matches!(outcome, Err(Error::Unavailable { .. })),
        "{outcome:?}"
    );
    bench.store.set_away(false);
    assert!(bench.bearer(&token).await.is_ok());
    assert_eq!(bench.events(), ["login.succeeded"]);
}

#[tokio::test]
async fn writes_down_who_a_refused_token_says_to_be_and_why() {
    let bench = Bench::new().await;
    let token = bench.ci_token("project:42", HOUR);
    bench.advance(HOUR * 2);

    let outcome = bench.bearer(&token).await;

    assert_eq!(outcome.unwrap_err(), LoginFailure::Expired);
    let events = bench.store.events();
    assert_eq!(events[0].subject, "https://ci.example.internal project:42");
    assert_eq!(events[0].details["reason"], json!("the token has expired"));
}

#[tokio::test]
async fn does_not_let_refused_tokens_fill_the_log() {
    let bench = Bench::new().await;

    for _ in 0..100 {
        assert!(bench.bearer("cao_guess").await.is_err());
    }

    assert_eq!(bench.events().len(), 30);
}

#[tokio::test]
async fn takes_the_highest_role_that_credential_and_rules_give() {
    let bench = Bench::new().await;
    let job = bench.ci_token("project:42", HOUR);
    let (_, auditor) = bench.add_operator_token(None).await;
    let jobs = || Who::Oidc {
        provider: "ci".into(),
        claims: BTreeMap::from([("ref_protected".into(), "true".parse().unwrap())]),
    };
    let rule = |role, who| OperatorRule {
        name: "rule".into(),
        role,
        who,
    };
    bench.access.replace_rules(Rules {
        providers: bench.access.rules.load().providers.clone(),
        operators: vec![
            rule(Role::Auditor, jobs()),
            rule(Role::Operator, jobs()),
            rule(Role::Admin, Who::Client("deployer".into())),
        ],
        ..Rules::default()
    });

    let job = bench.bearer(&job).await.unwrap();
    let auditor = bench.bearer(&auditor).await.unwrap();

    assert_eq!(job.role, Some(Role::Operator));
    assert_eq!(auditor.role, Some(Role::Auditor));
}
