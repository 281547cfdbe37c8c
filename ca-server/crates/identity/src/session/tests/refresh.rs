//! Refresh tokens: each is used once, by its client.

use super::*;

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
