//! Sessions and their refresh tokens.

use ca_identity::session::Rotation;
use ca_issuance::LedgerError;
use ca_issuance::audit::EventKind;

use super::{
    Remembering, event, hash, job, on_every_store, refresh_token, session_of, session_of_client,
};
use crate::bench::{HOUR, START, fifty};

on_every_store!(
    reads_a_session_back,
    finds_no_session_by_what_no_session_is_called,
    finds_the_session_of_a_refresh_token_used_or_not,
    rotates_a_refresh_token_again_and_again,
    of_fifty_that_bring_one_refresh_token_one_gets_the_next,
    a_replayed_refresh_token_ends_its_session_and_no_other,
    rotates_nothing_unknown_expired_or_ended,
    gives_no_session_the_token_of_another,
    ends_a_session_once,
    opens_no_session_for_a_client_that_is_not_there,
    opens_no_session_twice,
);

async fn reads_a_session_back(bench: Remembering) {
    let mut bound = session_of("bound", job());
    bound.certificate_thumbprint = Some([7; 32]);
    let opened = event(EventKind::LoginSucceeded, START);
    let opening = bench.store.open_session(bound.clone(), None, opened);
    opening.await.unwrap();

    let read = bench.store.session("bound").await.unwrap();

    assert_eq!(read, Some(bound));
    assert_eq!(bench.events().await, ["login.succeeded"]);
}

async fn finds_no_session_by_what_no_session_is_called(bench: Remembering) {
    bench.open(session_of("id", job()), 1).await;

    for id in ["", "nobody", "ID", "\0", "id\0"] {
        assert_eq!(bench.store.session(id).await.unwrap(), None, "{id:?}");
        let revoked = event(EventKind::SessionRevoked, START);
        let revoking = bench.store.revoke_session(id, revoked);
        assert!(!revoking.await.unwrap(), "{id:?}");
    }
    assert_eq!(bench.events().await, ["login.succeeded"]);
}

async fn finds_the_session_of_a_refresh_token_used_or_not(bench: Remembering) {
    let session = bench.open(session_of("id", job()), 1).await;
    bench.rotate(&session, 1, 2, START).await;

    for number in [1, 2] {
        let found = bench.store.session_of_refresh_token(&hash(number)).await;
        assert_eq!(found.unwrap(), Some(session.clone()), "{number}");
    }
    let unknown = bench.store.session_of_refresh_token(&hash(3)).await;
    assert_eq!(unknown.unwrap(), None);
}

async fn rotates_a_refresh_token_again_and_again(bench: Remembering) {
    let session = bench.open(session_of("id", job()), 1).await;

    for number in 1..5 {
        let rotation = bench.rotate(&session, number, number + 1, START).await;
        assert_eq!(rotation, Rotation::Rotated, "{number}");
    }
    assert_eq!(bench.revoked_at(&session).await, None);
    assert_eq!(bench.events().await, ["login.succeeded"; 5]);
}

async fn of_fifty_that_bring_one_refresh_token_one_gets_the_next(bench: Remembering) {
    let session = bench.open(session_of("id", job()), 99).await;

    let rotations = fifty(|number| {
        let next = refresh_token(u8::try_from(number).unwrap(), &session);
        let store = std::sync::Arc::clone(&bench.store);
        let rotated = event(EventKind::LoginSucceeded, START);
        let replayed = event(EventKind::SessionRevoked, START);
        async move {
            let used = hash(99);
            let rotating = store.rotate_refresh_token(&used, next, rotated, replayed);
            rotating.await.unwrap()
        }
    })
    .await;

    let count = |wanted| rotations.iter().filter(|one| **one == wanted).count();
    assert_eq!(count(Rotation::Rotated), 1);
    assert_eq!(count(Rotation::Replayed), 1);
    assert_eq!(count(Rotation::Refused), 48);
    assert_eq!(bench.revoked_at(&session).await, Some(START));
    let events = bench.events().await;
    assert_eq!(
        events,
        ["login.succeeded", "login.succeeded", "session.revoked"]
    );
}

async fn a_replayed_refresh_token_ends_its_session_and_no_other(bench: Remembering) {
    let session = bench.open(session_of("one", job()), 1).await;
    let other = bench.open(session_of("other", job()), 11).await;
    bench.rotate(&session, 1, 2, START).await;
    bench.rotate(&session, 2, 3, START).await;

    let replay = bench.rotate(&session, 1, 4, START.plus(HOUR)).await;
    let after = bench.rotate(&session, 3, 5, START.plus(HOUR)).await;
    let elsewhere = bench.rotate(&other, 11, 12, START.plus(HOUR)).await;

    assert_eq!(replay, Rotation::Replayed);
    assert_eq!(after, Rotation::Refused);
    assert_eq!(elsewhere, Rotation::Rotated);
    assert_eq!(bench.revoked_at(&session).await, Some(START.plus(HOUR)));
    assert_eq!(bench.revoked_at(&other).await, None);
}

async fn rotates_nothing_unknown_expired_or_ended(bench: Remembering) {
    let session = session_of("expired-token", job());
    let mut token = refresh_token(1, &session);
    token.expires_at = START.plus(HOUR);
    let opened = event(EventKind::LoginSucceeded, START);
    let opening = bench
        .store
        .open_session(session.clone(), Some(token), opened);
    opening.await.unwrap();
    let mut ended = session_of("ended", job());
    ended.expires_at = START.plus(HOUR);
    bench.open(ended.clone(), 2).await;
    let revoked = bench.open(session_of("revoked", job()), 3).await;
    let end = event(EventKind::SessionRevoked, START);
    bench.store.revoke_session("revoked", end).await.unwrap();

    let later = START.plus(HOUR);
    for (session, token) in [(&session, 1), (&ended, 2), (&revoked, 3), (&session, 9)] {
        let rotation = bench.rotate(session, token, 10, later).await;
        assert_eq!(rotation, Rotation::Refused, "{token}");
    }
    assert_eq!(bench.events().await.len(), 4);
}

async fn gives_no_session_the_token_of_another(bench: Remembering) {
    let session = bench.open(session_of("one", job()), 1).await;
    let other = bench.open(session_of("other", job()), 2).await;

    let used = hash(1);
    let rotated = bench.store.rotate_refresh_token(
        &used,
        refresh_token(3, &other),
        event(EventKind::LoginSucceeded, START),
        event(EventKind::SessionRevoked, START),
    );
    let rotated = rotated.await;
    let opened = bench.store.open_session(
        session_of("third", job()),
        Some(refresh_token(4, &other)),
        event(EventKind::LoginSucceeded, START),
    );
    let opened = opened.await;

    assert!(matches!(rotated, Err(LedgerError::Conflict)));
    assert!(matches!(opened, Err(LedgerError::Conflict)));
    let rightly = bench.rotate(&session, 1, 3, START).await;
    assert_eq!(rightly, Rotation::Rotated);
}

async fn ends_a_session_once(bench: Remembering) {
    let session = bench.open(session_of("id", job()), 1).await;
    let mut ended = session_of("ended", job());
    ended.expires_at = START.plus(HOUR);
    bench.open(ended.clone(), 2).await;
    let revoke = async |id: &str, at| {
        let revoked = event(EventKind::SessionRevoked, at);
        bench.store.revoke_session(id, revoked).await.unwrap()
    };

    assert!(revoke("id", START).await);
    assert!(!revoke("id", START.plus(HOUR)).await);
    assert!(!revoke("ended", START.plus(HOUR)).await);

    assert_eq!(bench.revoked_at(&session).await, Some(START));
    assert_eq!(bench.revoked_at(&ended).await, None);
    let events = bench.events().await;
    assert_eq!(
        events,
        ["login.succeeded", "login.succeeded", "session.revoked"]
    );
}

async fn opens_no_session_for_a_client_that_is_not_there(bench: Remembering) {
    let session = session_of_client("id", "deployer");
    let token = refresh_token(1, &session);

    let opened = event(EventKind::LoginSucceeded, START);
    let refused = bench.store.open_session(session, Some(token), opened).await;

    assert!(matches!(refused, Err(LedgerError::Conflict)));
    assert_eq!(bench.store.session("id").await.unwrap(), None);
    let its_token = bench.store.session_of_refresh_token(&hash(1)).await;
    assert_eq!(its_token.unwrap(), None);
    assert!(bench.events().await.is_empty());
}

async fn opens_no_session_twice(bench: Remembering) {
    let session = bench.open(session_of("id", job()), 1).await;

    let opened = event(EventKind::LoginSucceeded, START);
    let again = bench.store.open_session(session, None, opened).await;

    assert!(matches!(again, Err(LedgerError::Conflict)));
    assert_eq!(bench.events().await.len(), 1);
}
