mod access_token;
mod certificate;
mod job;

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

#[tokio::test]
async fn asks_for_a_credential_without_writing_an_event() {
    let bench = Bench::new().await;

    let outcome = bench.authenticate(Shown::default()).await;

    assert_eq!(outcome.unwrap_err(), LoginFailure::Missing);
    assert!(bench.events().is_empty());
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
