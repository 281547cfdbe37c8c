mod refresh;
mod revoke;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_issuance::{Actor, Clock};
use ca_pki::certificate::ExtendedKeyUsage;
use serde_json::{Value, json};

use super::Tokens;
use crate::access::bench::{Bench, login_failure, peer, text};
use crate::client::{ClientCredentials, NewClient};
use crate::{Error, LoginFailure};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

impl Bench {
    async fn refresh(
        &self,
        credentials: &ClientCredentials,
        token: &str,
    ) -> Result<Tokens, LoginFailure> {
        let client = self.prove(credentials).await;
        self.access
            .token_by_refresh(client, token, peer(None))
            .await
            .map_err(login_failure)
    }

    async fn exchange(&self, token: &str) -> Result<Tokens, LoginFailure> {
        let subject = self.access.authenticate_subject(token, peer(None)).await;
        let exchanged = self
            .access
            .token_by_exchange(subject.map_err(login_failure)?, peer(None));
        exchanged.await.map_err(login_failure)
    }

    async fn is_good(&self, tokens: &Tokens) -> bool {
        self.bearer(text(&tokens.access_token)).await.is_ok()
    }

    async fn add_other_client(&self) -> ClientCredentials {
        let new = NewClient {
            id: "other".into(),
            role: None,
            comment: String::new(),
        };
        let (client, secret) = self.access.add_client(new, Actor::System).await.unwrap();
        ClientCredentials {
            unverified_id: client.id,
            unverified_secret: secret,
        }
    }
}

fn refresh_token(tokens: &Tokens) -> &str {
    text(tokens.refresh_token.as_ref().unwrap())
}

fn claims(tokens: &Tokens) -> Value {
    let payload = text(&tokens.access_token).split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn says_in_the_token_for_whom_and_until_when_it_is() {
    let bench = Bench::new().await;
    let certificate = bench.certificate(ExtendedKeyUsage::ClientAuth).await;
    let credentials = bench.add_client(None).await;

    let tokens = bench.log_in(&credentials, Some(&certificate)).await;

    let claims = claims(&tokens);
    let now = bench.world.clock.now().unix_secs();
    let thumbprint = URL_SAFE_NO_PAD.encode(certificate.fingerprint_sha256());
    assert_eq!(tokens.expires_in, MINUTE * 15);
    assert_eq!(claims["iss"], json!("https://ca.example.internal"));
    assert_eq!(claims["aud"], json!("https://ca.example.internal"));
    assert_eq!(claims["sub"], json!("client:deployer"));
    assert_eq!(claims["iat"], json!(now));
    assert_eq!(claims["exp"], json!(now + 900));
    assert_eq!(claims["cnf"], json!({ "x5t#S256": thumbprint }));
}

#[tokio::test]
async fn exchanges_a_ci_token_for_one_that_does_not_outlive_it() {
    let bench = Bench::new().await;
    let long = bench.ci_token("project:42", HOUR);
    let short = bench.ci_token("project:42", MINUTE * 5);

    let of_long = bench.exchange(&long).await.unwrap();
    let of_short = bench.exchange(&short).await.unwrap();

    assert_eq!(of_long.expires_in, MINUTE * 15);
    assert_eq!(of_short.expires_in, MINUTE * 5);
    assert!(of_long.refresh_token.is_none());
    assert_eq!(claims(&of_long)["sub"], json!("oidc:ci:project:42"));
    bench.advance(MINUTE * 5);
    assert!(bench.is_good(&of_long).await);
    assert!(!bench.is_good(&of_short).await);
}

#[tokio::test]
async fn exchanges_no_token_that_is_past_its_end_or_none_of_a_provider() {
    let bench = Bench::new().await;
    let token = bench.ci_token("project:42", MINUTE);
    let own = bench.exchange(&token).await.unwrap();
    // Within the skew that a provider's clock is allowed.
    bench.advance(MINUTE + Duration::from_secs(10));

    let late = bench.exchange(&token).await;
    let ours = bench.exchange(text(&own.access_token)).await;

    assert_eq!(late.unwrap_err(), LoginFailure::Expired);
    assert_eq!(ours.unwrap_err(), LoginFailure::UnknownIssuer);
    let written = bench.events();
    assert_eq!(written, ["login.succeeded", "login.failed", "login.failed"]);
}

#[tokio::test]
async fn opens_no_session_that_the_store_does_not_keep() {
    let bench = Bench::new().await;
    let credentials = bench.add_client(None).await;
    let client = bench.prove(&credentials).await;
    bench.store.set_away(true);

    let outcome = bench
        .access
        .token_by_client_credentials(client, peer(None))
        .await;

    assert!(matches!(outcome, Err(Error::Store(_))), "{outcome:?}");
    assert!(bench.events().is_empty());
}

#[tokio::test]
async fn opens_no_session_for_a_client_that_was_removed_meanwhile() {
    let bench = Bench::new().await;
    let credentials = bench.add_client(None).await;
    let client = bench.prove(&credentials).await;
    let removed = bench.access.remove_client("deployer", Actor::System);
    removed.await.unwrap();

    let outcome = bench
        .access
        .token_by_client_credentials(client, peer(None))
        .await;

    assert_eq!(
        outcome.map_err(login_failure).unwrap_err(),
        LoginFailure::WrongSecret
    );
}
