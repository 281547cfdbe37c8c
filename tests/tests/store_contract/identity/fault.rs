//! A database that refuses single statements: the change is refused, nothing half-done is left, and
//! the same change succeeds once the database does as it is told again.

use ca_identity::IdentityStore;
use ca_identity::session::Rotation;
use ca_issuance::LedgerError;
use ca_issuance::audit::EventKind;

use super::{
    client, event, grant, hash, job, operator_token, refresh_token, session_of, session_of_client,
};
use crate::bench::{Bench, START, on_both_databases};

on_both_databases!(leaves_nothing_half_done_when_a_statement_is_refused);

/// A change, prepared so that it can be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    OpenSession,
    RotateRefreshToken,
    ReplayRefreshToken,
    RevokeSession,
    AddClient,
    RemoveClient,
    AddOperatorToken,
    RevokeOperatorToken,
    UseToken,
    AddGrant,
    RemoveGrant,
    Note,
}

const STATEMENTS: [(Act, &[(&str, &str)]); 12] = [
    (
        Act::OpenSession,
        &[
            ("UPDATE", "client"),
            ("INSERT", "session"),
            ("INSERT", "refresh_token"),
            ("INSERT", "audit_event"),
        ],
    ),
    (
        Act::RotateRefreshToken,
        &[
            ("UPDATE", "refresh_token"),
            ("INSERT", "refresh_token"),
            ("INSERT", "audit_event"),
        ],
    ),
    (
        Act::ReplayRefreshToken,
        &[("UPDATE", "session"), ("INSERT", "audit_event")],
    ),
    (
        Act::RevokeSession,
        &[("UPDATE", "session"), ("INSERT", "audit_event")],
    ),
    (
        Act::AddClient,
        &[("INSERT", "client"), ("INSERT", "audit_event")],
    ),
    (
        Act::RemoveClient,
        &[
            ("DELETE", "client"),
            ("UPDATE", "session"),
            ("INSERT", "audit_event"),
        ],
    ),
    (
        Act::AddOperatorToken,
        &[("INSERT", "operator_token"), ("INSERT", "audit_event")],
    ),
    (
        Act::RevokeOperatorToken,
        &[("UPDATE", "operator_token"), ("INSERT", "audit_event")],
    ),
    (Act::UseToken, &[("INSERT", "used_token")]),
    (
        Act::AddGrant,
        &[
            ("INSERT", "api_grant"),
            ("DELETE", "grant_use"),
            ("INSERT", "audit_event"),
        ],
    ),
    (
        Act::RemoveGrant,
        &[("DELETE", "api_grant"), ("INSERT", "audit_event")],
    ),
    (Act::Note, &[("INSERT", "audit_event")]),
];

async fn leaves_nothing_half_done_when_a_statement_is_refused(bench: Bench) {
    let mut turn = 0;
    for (act, statements) in STATEMENTS {
        for (verb, table) in statements {
            turn += 1;
            act.prepare(&bench, turn).await;
            let before = rows(&bench).await;

            bench.break_statements(verb, table).await;
            let refused = act.perform(&bench, turn).await;
            let between = rows(&bench).await;
            bench.mend(table).await;
            let accepted = act.perform(&bench, turn).await;

            let case = format!("{act:?} without {verb} {table}");
            assert!(
                matches!(refused, Err(LedgerError::Unavailable { .. })),
                "{case}"
            );
            assert_eq!(before, between, "{case}");
            assert!(accepted.unwrap(), "{case}");
            assert_ne!(rows(&bench).await, before, "{case}");
        }
    }
}

/// What callers could tell apart, row by row.
async fn rows(bench: &Bench) -> Vec<String> {
    let mut all = Vec::new();
    for told in [
        "id || COALESCE(CAST(revoked_at AS TEXT), '-') AS told FROM session",
        "session || COALESCE(CAST(used_at AS TEXT), '-') AS told FROM refresh_token",
        "id || COALESCE(CAST(last_used_at AS TEXT), '-') AS told FROM client",
        "id || COALESCE(CAST(revoked_at AS TEXT), '-') AS told FROM operator_token",
        "provider AS told FROM used_token",
        "name AS told FROM api_grant",
        "grant_name || CAST(used AS TEXT) AS told FROM grant_use",
        "kind AS told FROM audit_event",
    ] {
        let texts = bench.texts(&format!("SELECT {told} ORDER BY told")).await;
        all.extend(texts);
    }
    all
}

impl Act {
    async fn prepare(self, bench: &Bench, turn: u8) {
        let id = format!("turn-{turn}");
        let happened = event(EventKind::ClientCreated, START);
        let store = &bench.store;
        match self {
            Self::OpenSession => store.add_client(client(&id), happened).await.unwrap(),
            Self::RotateRefreshToken | Self::RevokeSession => open(bench, turn).await,
            Self::ReplayRefreshToken => {
                open(bench, turn).await;
                rotate(bench, turn, 100 + turn).await.unwrap();
            }
            Self::RemoveClient => {
                store
                    .add_client(client(&id), happened.clone())
                    .await
                    .unwrap();
                let session = session_of_client(&id, &id);
                store.open_session(session, None, happened).await.unwrap();
            }
            Self::RevokeOperatorToken => {
                let token = operator_token(&id, turn);
                store.add_operator_token(token, happened).await.unwrap();
            }
            Self::AddGrant => {
                // The name was used by an earlier grant.
                let sql = format!("INSERT INTO grant_use VALUES ('{id}', 2)");
                bench.execute(&sql).await;
            }
            Self::RemoveGrant => store.add_grant(grant(&id), happened).await.unwrap(),
            Self::AddClient | Self::AddOperatorToken | Self::UseToken | Self::Note => {}
        }
    }

    /// Makes the change; tells whether it changed something.
    async fn perform(self, bench: &Bench, turn: u8) -> Result<bool, LedgerError> {
        let id = format!("turn-{turn}");
        let happened = event(EventKind::ClientCreated, START);
        let store = &bench.store;
        let done = match self {
            Self::OpenSession => {
                let session = session_of_client(&id, &id);
                let token = refresh_token(turn, &session);
                store.open_session(session, Some(token), happened).await
            }
            Self::RotateRefreshToken => {
                let rotation = rotate(bench, turn, 100 + turn).await?;
                return Ok(rotation == Rotation::Rotated);
            }
            Self::ReplayRefreshToken => {
                let rotation = rotate(bench, turn, 200 + turn).await?;
                return Ok(rotation == Rotation::Replayed);
            }
            Self::RevokeSession => return store.revoke_session(&id, happened).await,
            Self::AddClient => store.add_client(client(&id), happened).await,
            Self::RemoveClient => return store.remove_client(&id, happened).await,
            Self::AddOperatorToken => {
                let token = operator_token(&id, turn);
                store.add_operator_token(token, happened).await
            }
            Self::RevokeOperatorToken => return store.revoke_operator_token(&id, happened).await,
            Self::UseToken => return store.use_token("gitlab", &id, START).await,
            Self::AddGrant => store.add_grant(grant(&id), happened).await,
            Self::RemoveGrant => return store.remove_grant(&id, happened).await,
            Self::Note => IdentityStore::note(store, happened).await,
        };
        done.map(|()| true)
    }
}

async fn open(bench: &Bench, turn: u8) {
    let session = session_of(&format!("turn-{turn}"), job());
    let token = refresh_token(turn, &session);
    let opened = event(EventKind::LoginSucceeded, START);
    let opening = bench.store.open_session(session, Some(token), opened);
    opening.await.unwrap();
}

async fn rotate(bench: &Bench, used: u8, next: u8) -> Result<Rotation, LedgerError> {
    let session = session_of(&format!("turn-{used}"), job());
    let used = hash(used);
    let rotating = bench.store.rotate_refresh_token(
        &used,
        refresh_token(next, &session),
        event(EventKind::LoginSucceeded, START),
        event(EventKind::SessionRevoked, START),
    );
    rotating.await
}
