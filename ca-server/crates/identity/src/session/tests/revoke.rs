//! Sessions that are ended before their time.

use super::*;
use crate::access::bench::HOME;

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
