use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ca_issuance::{Actor, Clock};
use ca_pki::certificate::ExtendedKeyUsage;
use serde_json::{Value, json};

use super::Tokens;
use crate::access::bench::{Bench, HOME, login_failure, peer, text};
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
async fn gives_new_tokens_for_a_refresh_token_until_the_session_ends() {
    let bench = Bench::new().await;
    let credentials = bench.add_client(None).await;
    let mut tokens = bench.log_in(&credentials, None).await;

    for _ in 0..11 {
        bench.advance(HOUR);
        tokens = bench
            .refresh(&credentials, refresh_token(&tokens))
            .await
            .unwrap();
        assert!(bench.is_good(&tokens).await);
    }

    bench.advance(MINUTE * 55);
    tokens = bench
        .refresh(&credentials, refresh_token(&tokens))
        .await
        .unwrap();
    assert_eq!(tokens.expires_in, MINUTE * 5);
    bench.advance(MINUTE * 5);
    let outcome = bench.refresh(&credentials, refresh_token(&tokens)).await;
    assert_eq!(outcome.unwrap_err(), LoginFailure::Expired);
}

#[tokio::test]
async fn ends_the_family_when_a_refresh_token_is_used_again() {
    let bench = Bench::new().await;
    let credentials = bench.add_client(None).await;
    let first = bench.log_in(&credentials, None).await;
    let second = bench
        .refresh(&credentials, refresh_token(&first))
        .await
        .unwrap();

    let replayed = bench.refresh(&credentials, refresh_token(&first)).await;

    assert_eq!(replayed.unwrap_err(), LoginFailure::Replayed);
    assert!(!bench.is_good(&first).await);
    assert!(!bench.is_good(&second).await);
    let rotated = bench.refresh(&credentials, refresh_token(&second)).await;
    assert_eq!(rotated.unwrap_err(), LoginFailure::Revoked);
    let written = bench.events();
    assert_eq!(
        written[..4],
        [
            "login.succeeded",
            "login.succeeded",
            "session.revoked",
            "login.failed"
        ]
    );
}

#[tokio::test]
async fn lets_one_of_two_uses_at_once_win_and_then_ends_the_family() {
    let bench = Bench::new().await;
    let credentials = bench.add_client(None).await;
    let tokens = bench.log_in(&credentials, None).await;

    let (one, other) = tokio::join!(
        bench.refresh(&credentials, refresh_token(&tokens)),
        bench.refresh(&credentials, refresh_token(&tokens)),
    );

    let (won, lost): (Vec<_>, Vec<_>) = [one, other].into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    let lost = lost.into_iter().next().unwrap();
    assert_eq!(lost.unwrap_err(), LoginFailure::Replayed);
    let won = won.into_iter().next().unwrap().unwrap();
    assert!(!bench.is_good(&won).await);
}

#[tokio::test]
async fn does_not_use_up_a_refresh_token_that_another_client_sends() {
    let bench = Bench::new().await;
    let credentials = bench.add_client(None).await;
    let thief = bench.add_other_client().await;
    let tokens = bench.log_in(&credentials, None).await;

    let stolen = bench.refresh(&thief, refresh_token(&tokens)).await;
    let own = bench.refresh(&credentials, refresh_token(&tokens)).await;

    assert_eq!(stolen.unwrap_err(), LoginFailure::NotOfThisClient);
    assert!(own.is_ok());
}

#[tokio::test]
async fn demands_the_certificate_of_a_bound_session_for_a_refresh() {
    let bench = Bench::new().await;
    let certificate = bench.certificate(ExtendedKeyUsage::ClientAuth).await;
    let credentials = bench.add_client(None).await;
    let tokens = bench.log_in(&credentials, Some(&certificate)).await;

    let without = bench.refresh(&credentials, refresh_token(&tokens)).await;
    let client = bench.prove(&credentials).await;
    let with =
        bench
            .access
            .token_by_refresh(client, refresh_token(&tokens), peer(Some(&certificate)));

    assert_eq!(without.unwrap_err(), LoginFailure::NotBound);
    assert!(with.await.is_ok());
}

#[tokio::test]
async fn refuses_an_access_token_for_a_refresh_token() {
    let bench = Bench::new().await;
    let credentials = bench.add_client(None).await;
    let tokens = bench.log_in(&credentials, None).await;

    let outcome = bench
        .refresh(&credentials, text(&tokens.access_token))
        .await;

    assert_eq!(outcome.unwrap_err(), LoginFailure::UnknownToken);
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
async fn ends_a_session_by_either_of_its_tokens() {
    for by_refresh_token in [true, false] {
        let bench = Bench::new().await;
        let credentials = bench.add_client(None).await;
        let tokens = bench.log_in(&credentials, None).await;
        let token = match by_refresh_token {
            true => refresh_token(&tokens),
            false => text(&tokens.access_token),
        };

        let client = bench.prove(&credentials).await;
        let revoked = bench.access.revoke_token(Some(client), token, HOME);
        revoked.await.unwrap();

        let access = bench.bearer(text(&tokens.access_token)).await;
        assert_eq!(access.unwrap_err(), LoginFailure::Revoked);
        let refresh = bench.refresh(&credentials, refresh_token(&tokens)).await;
        assert_eq!(refresh.unwrap_err(), LoginFailure::Revoked);
        assert!(bench.events().contains(&"session.revoked"));
    }
}

#[tokio::test]
async fn lets_only_the_client_itself_end_its_session() {
    let bench = Bench::new().await;
    let credentials = bench.add_client(None).await;
    let other = bench.add_other_client().await;
    let tokens = bench.log_in(&credentials, None).await;
    let token = refresh_token(&tokens);

    let nobody = bench.access.revoke_token(None, token, HOME).await;
    let another = bench.prove(&other).await;
    let another = bench.access.revoke_token(Some(another), token, HOME).await;

    assert_eq!(
        nobody.map_err(login_failure),
        Err(LoginFailure::WrongSecret)
    );
    assert_eq!(
        another.map_err(login_failure),
        Err(LoginFailure::NotOfThisClient)
    );
    assert!(bench.is_good(&tokens).await);
}

#[tokio::test]
async fn lets_the_holder_end_what_was_exchanged() {
    let bench = Bench::new().await;
    let token = bench.ci_token("project:42", HOUR);
    let tokens = bench.exchange(&token).await.unwrap();

    let token = text(&tokens.access_token);
    bench.access.revoke_token(None, token, HOME).await.unwrap();
    // Once more changes nothing (RFC 7009 §2.2).
    bench.access.revoke_token(None, token, HOME).await.unwrap();

    assert!(!bench.is_good(&tokens).await);
    let ended = bench.events().into_iter();
    assert_eq!(ended.filter(|name| *name == "session.revoked").count(), 1);
}

#[tokio::test]
async fn takes_the_end_of_an_unknown_token_for_done() {
    let bench = Bench::new().await;

    for token in ["", "car_unknown", "a.b.c"] {
        let outcome = bench.access.revoke_token(None, token, HOME).await;

        assert!(outcome.is_ok());
    }
    assert!(bench.events().is_empty());
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
