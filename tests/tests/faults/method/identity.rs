//! What `ca_identity::IdentityStore` writes.

use aws_lc_rs::digest::{SHA256, digest};
use ca_identity::client::Client;
use ca_identity::grant::{Grant, GrantSpec, Origin};
use ca_identity::operator::OperatorToken;
use ca_identity::session::{RefreshToken, Session};
use ca_identity::store::{IdentityStore, SecretHash};
use ca_identity::{Principal, Role};
use ca_issuance::audit::EventKind;
use ca_issuance::entitlement::{GrantKept, GrantUse};
use ca_issuance::ledger::{Intent, Ledger};
use serde_json::json;

use super::act::{Act, Prepared, acts, call, happened};
use crate::bench::{Bench, HOUR, START, intent};

pub(super) fn acts() -> Vec<Act> {
    acts![
        "open_session" => open_session,
        "rotate_refresh_token" => rotate_refresh_token,
        "rotate_refresh_token" => replay_refresh_token,
        "revoke_session" => revoke_session,
        "add_client" => add_client,
        "remove_client" => remove_client,
        "add_operator_token" => add_operator_token,
        "revoke_operator_token" => revoke_operator_token,
        "use_token" => use_token,
        "add_grant" => add_grant,
        "remove_grant" => remove_grant,
        "note" => note,
        "shared_secret" => shared_secret,
    ]
}

async fn open_session(bench: &Bench, id: &str) -> Prepared {
    added_client(bench, id).await;
    open(bench, id)
}

fn open(bench: &Bench, id: &str) -> Prepared {
    let session = session_of_client(id, id);
    let token = refresh_token(id, &session);
    let store = bench.store.clone();
    call!(store, session, token =>
        store.open_session(session, Some(token), happened(EventKind::LoginSucceeded)))
}

async fn opened_session(bench: &Bench, id: &str) {
    open_session(bench, id).await.perform().await.unwrap();
}

async fn rotate_refresh_token(bench: &Bench, id: &str) -> Prepared {
    opened_session(bench, id).await;
    rotate(bench, id, "next")
}

/// Shows a token that was used.
async fn replay_refresh_token(bench: &Bench, id: &str) -> Prepared {
    opened_session(bench, id).await;
    rotate(bench, id, "next").perform().await.unwrap();
    rotate(bench, id, "other")
}

fn rotate(bench: &Bench, id: &str, next: &str) -> Prepared {
    let session = session_of_client(id, id);
    let used = hash(id);
    let next = refresh_token(&format!("{next}-{id}"), &session);
    let store = bench.store.clone();
    call!(store, next => store.rotate_refresh_token(
        &used,
        next,
        happened(EventKind::LoginSucceeded),
        happened(EventKind::SessionRevoked),
    ))
}

async fn revoke_session(bench: &Bench, id: &str) -> Prepared {
    opened_session(bench, id).await;
    let (store, id) = (bench.store.clone(), id.to_owned());
    call!(store, id => store.revoke_session(&id, happened(EventKind::SessionRevoked)))
}

async fn add_client(bench: &Bench, id: &str) -> Prepared {
    let (store, client) = (bench.store.clone(), client(id));
    call!(store, client => store.add_client(client, happened(EventKind::ClientCreated)))
}

async fn added_client(bench: &Bench, id: &str) {
    add_client(bench, id).await.perform().await.unwrap();
}

async fn remove_client(bench: &Bench, id: &str) -> Prepared {
    opened_session(bench, id).await;
    let (store, id) = (bench.store.clone(), id.to_owned());
    call!(store, id => store.remove_client(&id, happened(EventKind::ClientRemoved)))
}

async fn add_operator_token(bench: &Bench, id: &str) -> Prepared {
    let token = OperatorToken {
        id: id.to_owned(),
        hash: hash(id),
        name: "anna".to_owned(),
        role: Role::Auditor,
        created_at: START,
        expires_at: Some(START.plus(HOUR)),
        revoked_at: None,
    };
    let store = bench.store.clone();
    call!(store, token =>
        store.add_operator_token(token, happened(EventKind::OperatorTokenCreated)))
}

async fn revoke_operator_token(bench: &Bench, id: &str) -> Prepared {
    let added = add_operator_token(bench, id).await.perform().await;
    added.unwrap();
    let (store, id) = (bench.store.clone(), id.to_owned());
    call!(store, id =>
        store.revoke_operator_token(&id, happened(EventKind::OperatorTokenRevoked)))
}

async fn use_token(bench: &Bench, id: &str) -> Prepared {
    let (store, id) = (bench.store.clone(), id.to_owned());
    call!(store, id => store.use_token("gitlab", &id, START))
}

/// Its name was an earlier grant's, which has ended and was used, once by an intent that has no
/// result yet.
async fn add_grant(bench: &Bench, id: &str) -> Prepared {
    let ended = format!(
        "INSERT INTO api_grant (name, terms, expires_at) VALUES ('{id}', '{{}}', {})",
        START.unix_secs()
    );
    bench.execute(&ended).await;
    let used = Intent {
        grant: Some(GrantUse {
            name: id.to_owned(),
            limit: Some(2),
            kept: GrantKept::Configuration,
        }),
        ..intent(bench.now(), None)
    };
    let event = happened(EventKind::CertificateIntended);
    bench.store.record_intent(&used, event).await.unwrap();
    let (store, grant) = (bench.store.clone(), grant(id));
    call!(store, grant => store.add_grant(grant, happened(EventKind::ClientCreated)))
}

async fn remove_grant(bench: &Bench, id: &str) -> Prepared {
    let added = bench
        .store
        .add_grant(grant(id), happened(EventKind::ClientCreated));
    added.await.unwrap();
    let (store, id) = (bench.store.clone(), id.to_owned());
    call!(store, id => store.remove_grant(&id, happened(EventKind::ClientRemoved)))
}

async fn note(bench: &Bench, _id: &str) -> Prepared {
    let store = bench.store.clone();
    call!(store => IdentityStore::note(&store, happened(EventKind::LoginFailed)))
}

async fn shared_secret(bench: &Bench, id: &str) -> Prepared {
    let (store, id) = (bench.store.clone(), id.to_owned());
    call!(store, id => IdentityStore::shared_secret(&store, &id, [7; 32]))
}

pub(super) fn hash(text: &str) -> SecretHash {
    digest(&SHA256, text.as_bytes())
        .as_ref()
        .try_into()
        .unwrap()
}

pub(super) fn client(id: &str) -> Client {
    Client {
        id: id.to_owned(),
        secret_hash: "$argon2id$v=19$…".to_owned(),
        role: None,
        comment: "deploys".to_owned(),
        created_at: START,
        last_used_at: None,
    }
}

pub(super) fn session_of_client(id: &str, client: &str) -> Session {
    Session {
        id: id.to_owned(),
        principal: Principal::Client {
            id: client.to_owned(),
            role: None,
        },
        certificate_thumbprint: None,
        created_at: START,
        expires_at: START.plus(HOUR * 12),
        revoked_at: None,
    }
}

pub(super) fn refresh_token(secret: &str, session: &Session) -> RefreshToken {
    RefreshToken {
        hash: hash(secret),
        session: session.id.clone(),
        expires_at: session.expires_at,
    }
}

/// A grant for an hour.
pub(super) fn grant(name: &str) -> Grant {
    let spec = json!({
        "name": name,
        "who": { "client": "deployer" },
        "profiles": ["tls-server"],
        "identifiers": ["dns:*.ci.example.internal"],
        "expires": START.plus(HOUR).to_string(),
        "uses": 2,
    });
    let spec: GrantSpec = serde_json::from_value(spec).unwrap();
    spec.compile(Origin::Api).unwrap()
}
