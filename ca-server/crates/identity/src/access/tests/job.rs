//! Tokens of jobs, and what is written down about them.

use super::*;

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
        address: crate::access::bench::HOME,
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
