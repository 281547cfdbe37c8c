//! Operators show their token.

use std::fs;

use ca_tests::TestCa;

use crate::CA;
use crate::caller::{Caller, create_token};

#[tokio::test]
async fn the_token_that_quickstart_writes_opens_the_api_until_it_is_revoked() {
    let ca = TestCa::quickstart();
    let caller = Caller::of(&ca);
    let token = fs::read_to_string(ca.folder().join("admin-token")).unwrap();
    let token = token.trim();

    let before = caller.whoami(token).await;
    ca.restart();
    let caller = Caller::of(&ca);
    let restarted = caller.whoami(token).await;
    let listed = ca.command(&["token", "list"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    let id = listed.split('\t').next().unwrap();
    let revoked = ca.command(&["token", "revoke", id]);

    assert_eq!(before.body["name"], "operator:quickstart", "{before:?}");
    assert_eq!(before.body["role"], "admin", "{before:?}");
    assert_eq!(restarted.status, 200, "{restarted:?}");
    assert!(revoked.status.success(), "{revoked:?}");
    assert_eq!(caller.whoami(token).await.status, 401);
}

#[tokio::test]
async fn a_token_made_on_the_command_line_is_good_until_it_is_revoked_there() {
    let (caller, (id, token)) = (Caller::of(&CA), create_token(&CA, "anna"));

    let before = caller.whoami(&token).await;
    let revoked = CA.command(&["token", "revoke", &id]);
    let again = CA.command(&["token", "revoke", &id]);

    assert_eq!(before.body["name"], "operator:anna", "{before:?}");
    assert!(revoked.status.success(), "{revoked:?}");
    assert_eq!(again.status.code(), Some(7), "{again:?}");
    let after = caller.whoami(&token).await;
    assert_eq!(after.status, 401, "{after:?}");
    assert_eq!(after.body["detail"], "the token was revoked", "{after:?}");
}

#[tokio::test]
async fn many_requests_with_one_token_are_one_event() {
    let (caller, (id, token)) = (Caller::of(&CA), create_token(&CA, "cleo"));

    for _ in 0..5 {
        assert_eq!(caller.whoami(&token).await.status, 200);
    }

    let events = caller.events(&token, "login.succeeded").await;
    let by_it = events
        .iter()
        .filter(|event| event["actor"] == "operator:cleo");
    assert_eq!(by_it.count(), 1, "{events:?}");
    let made = caller.events(&token, "operator-token.created").await;
    assert!(made.iter().any(|event| event["subject"] == id), "{made:?}");
}
