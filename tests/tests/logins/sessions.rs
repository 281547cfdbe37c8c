//! Sessions: refreshed, replayed, bound, ended.

use crate::CA;
use crate::caller::{Caller, add_client, create_token};

#[tokio::test]
async fn a_refresh_token_that_comes_twice_ends_its_family() {
    let (caller, client) = (Caller::of(&CA), add_client(&CA, "robbed"));
    let (_, admin) = create_token(&CA, "bert");
    let first = caller.log_in(&client).await;

    let second = caller.refresh(&client, first.text("refresh_token")).await;
    let used = caller.whoami(second.text("access_token")).await;
    let replayed = caller.refresh(&client, first.text("refresh_token")).await;

    assert_eq!(used.status, 200, "{used:?}");
    replayed.expect_error(400, "invalid_grant");
    for tokens in [&first, &second] {
        let answer = caller.whoami(tokens.text("access_token")).await;
        assert_eq!(answer.status, 401, "{answer:?}");
    }
    let next = caller.refresh(&client, second.text("refresh_token")).await;
    next.expect_error(400, "invalid_grant");
    let ended = caller.events(&admin, "session.revoked").await;
    let own = ended
        .iter()
        .filter(|event| event["actor"] == "client:robbed");
    let reasons: Vec<_> = own.map(|event| &event["details"]["reason"]).collect();
    assert_eq!(reasons, ["refresh token replayed"]);
}

#[tokio::test]
async fn a_session_is_ended_by_its_client_only() {
    let (caller, client) = (Caller::of(&CA), add_client(&CA, "owner"));
    let other = add_client(&CA, "other");
    let tokens = caller.log_in(&client).await;
    let token = tokens.text("refresh_token");

    let by_nobody = caller
        .post_form("/oauth2/revoke", &[("token", token)])
        .await;
    let by_another = caller.revoke(&other, token).await;
    let before = caller.whoami(tokens.text("access_token")).await;
    let by_itself = caller.revoke(&client, token).await;
    let after = caller.whoami(tokens.text("access_token")).await;
    let unknown = caller.revoke(&client, "car_unknown").await;

    by_nobody.expect_error(401, "invalid_client");
    by_another.expect_error(400, "invalid_grant");
    assert_eq!(before.status, 200);
    assert_eq!(by_itself.status, 200);
    assert_eq!(after.status, 401);
    assert_eq!(unknown.status, 200);
}

#[tokio::test]
async fn a_token_got_with_a_certificate_is_good_with_it_only() {
    let client = add_client(&CA, "bound");
    let (owner, thief) = (Caller::with_certificate(&CA), Caller::of(&CA));
    let other = Caller::with_certificate(&CA);

    let tokens = owner.log_in(&client).await;
    let token = tokens.text("access_token");

    assert_eq!(owner.whoami(token).await.status, 200);
    for caller in [&thief, &other] {
        let answer = caller.whoami(token).await;
        assert_eq!(answer.status, 401, "{answer:?}");
        let refreshed = caller.refresh(&client, tokens.text("refresh_token")).await;
        refreshed.expect_error(400, "invalid_grant");
    }
    let refreshed = owner.refresh(&client, tokens.text("refresh_token")).await;
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
}

#[tokio::test]
async fn the_token_endpoint_speaks_the_words_of_rfc_6749() {
    let (caller, client) = (Caller::of(&CA), add_client(&CA, "careless"));
    let (_, operator_token) = create_token(&CA, "bert");
    let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    let jwt = "urn:ietf:params:oauth:token-type:jwt";
    let cases: [(&[(&str, &str)], &str); 6] = [
        (&[], "invalid_request"),
        (&[("grant_type", "password")], "unsupported_grant_type"),
        (&[("grant_type", "refresh_token")], "invalid_request"),
        (
            &[("grant_type", "client_credentials"), ("scope", "all")],
            "invalid_scope",
        ),
        (
            &[("grant_type", "refresh_token"), ("refresh_token", "car_x")],
            "invalid_grant",
        ),
        (
            &[
                ("grant_type", exchange),
                ("subject_token", "a.b.c"),
                ("subject_token_type", jwt),
            ],
            "invalid_request",
        ),
    ];

    for (form, error) in cases {
        caller.token(&client, form).await.expect_error(400, error);
    }
    let unauthenticated = [("grant_type", "client_credentials")];
    let answer = caller.post_form("/oauth2/token", &unauthenticated).await;
    answer.expect_error(401, "invalid_client");
    let answer = caller.revoke(&client, &operator_token).await;
    answer.expect_error(400, "unsupported_token_type");
}
