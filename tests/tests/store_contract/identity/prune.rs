//! Pruning, and what survives a restart.

use std::sync::Arc;
use std::time::Duration;

use ca_acme::store::AcmeStore;
use ca_identity::IdentityStore;
use ca_identity::session::Rotation;
use ca_issuance::audit::EventKind;
use ca_pki::Timestamp;

use super::{
    Remembering, client, event, grant, hash, job, operator_token, refresh_token, session_of,
};
use crate::bench::{Bench, HOUR, START, on_both_databases};

on_both_databases!(
    removes_what_ended_in_pieces,
    keeps_a_used_token_while_its_session_lives,
    keeps_a_used_id_while_clocks_may_differ,
    a_restart_forgets_nothing,
);

async fn prune(bench: &Bench, moment: Timestamp) {
    bench.store.prune(moment, moment).await.unwrap();
}

async fn removes_what_ended_in_pieces(bench: Bench) {
    // More refresh tokens than one piece holds, fifty to a session.
    for number in 0..30 {
        let session = session_of(&format!("session-{number}"), job());
        let opened = event(EventKind::LoginSucceeded, START);
        let opening = bench.store.open_session(session.clone(), None, opened);
        opening.await.unwrap();
    }
    bench.execute(&fifty_tokens_for_each_session(&bench)).await;
    let created = event(EventKind::GrantCreated, START);
    let added = bench.store.add_grant(grant("short"), created);
    added.await.unwrap();
    let used = bench.store.use_token("gitlab", "jti", START.plus(HOUR));
    used.await.unwrap();
    let mut living = session_of("living", job());
    living.expires_at = START.plus(HOUR * 48);
    let opened = event(EventKind::LoginSucceeded, START);
    let token = refresh_token(1, &living);
    let opening = bench.store.open_session(living, Some(token), opened);
    opening.await.unwrap();

    assert_eq!(bench.count("refresh_token").await, 1_501);
    prune(&bench, START.plus(HOUR * 24)).await;

    for (table, left) in [
        ("refresh_token", 1),
        ("session", 1),
        ("api_grant", 0),
        ("used_token", 0),
    ] {
        assert_eq!(bench.count(table).await, left, "{table}");
    }
}

fn fifty_tokens_for_each_session(bench: &Bench) -> String {
    let hash = match bench.url.starts_with("sqlite") {
        true => "randomblob(32)",
        false => "sha256((session.id || '.' || numbers.n)::bytea)",
    };
    format!(
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 50) \
         INSERT INTO refresh_token (hash, session, expires_at) \
         SELECT {hash}, session.id, session.expires_at FROM session, numbers"
    )
}

async fn keeps_a_used_token_while_its_session_lives(bench: Bench) {
    let bench = Remembering::in_database(bench);
    let session = session_of("id", job());
    let mut first = refresh_token(1, &session);
    first.expires_at = START.plus(HOUR);
    let opened = event(EventKind::LoginSucceeded, START);
    let opening = bench
        .store
        .open_session(session.clone(), Some(first), opened);
    opening.await.unwrap();
    bench.rotate(&session, 1, 2, START).await;

    let moment = START.plus(HOUR * 2);
    if let super::Place::Database(bench) = &bench.place {
        prune(bench, moment).await;
    }
    let replay = bench.rotate(&session, 1, 3, moment).await;

    assert_eq!(replay, Rotation::Replayed);
}

async fn keeps_a_used_id_while_clocks_may_differ(bench: Bench) {
    let used = bench.store.use_token("gitlab", "jti", START);
    assert!(used.await.unwrap());

    prune(&bench, START.plus(Duration::from_secs(60))).await;
    let again = bench.store.use_token("gitlab", "jti", START);

    assert!(!again.await.unwrap());
}

async fn a_restart_forgets_nothing(mut bench: Bench) {
    let session = session_of("id", job());
    let (client, grant, token) = (client("a"), grant("g"), operator_token("t", 5));
    let opened = event(EventKind::LoginSucceeded, START);
    let refresh = refresh_token(1, &session);
    let store = &bench.store;
    let opening = store.open_session(session.clone(), Some(refresh), opened);
    opening.await.unwrap();
    let created = event(EventKind::ClientCreated, START);
    store.add_client(client.clone(), created).await.unwrap();
    let created = event(EventKind::GrantCreated, START);
    store.add_grant(grant.clone(), created).await.unwrap();
    let created = event(EventKind::OperatorTokenCreated, START);
    let added = store.add_operator_token(token.clone(), created);
    added.await.unwrap();
    store.use_token("gitlab", "jti", START).await.unwrap();

    bench.restart().await;

    let store = &bench.store;
    let of_token = store.session_of_refresh_token(&hash(1)).await.unwrap();
    assert_eq!(of_token, Some(session));
    assert_eq!(store.clients().await.unwrap(), [client]);
    assert_eq!(store.grants(START).await.unwrap(), [Arc::new(grant)]);
    assert_eq!(store.operator_tokens().await.unwrap(), [token]);
    assert!(!store.use_token("gitlab", "jti", START).await.unwrap());
}
