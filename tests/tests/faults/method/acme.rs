//! What `ca_acme::AcmeStore` writes.

use ca_acme::account::Account;
use ca_acme::authorization::ChallengeKind;
use ca_acme::external_account::ExternalAccountKey;
use ca_acme::order::Order;
use ca_acme::store::{AcmeStore, ValidationOutcome};
use ca_acme::{Problem, ProblemKind};
use ca_identity::store::IdentityStore;
use ca_issuance::audit::EventKind;
use secrecy::SecretSlice;

use super::act::{Act, Prepared, acts, call, happened};
use super::identity::{client, grant, refresh_token, session_of_client};
use super::ledger;
use crate::bench::{Bench, HOUR, START, account, new_order, pending};

pub(super) fn acts() -> Vec<Act> {
    acts![
        "register" => register,
        "update_account" => update_account,
        "deactivate_account" => deactivate_account,
        "change_key" => change_key,
        "add_external_account_key" => add_external_account_key,
        "revoke_external_account_key" => revoke_external_account_key,
        "place_order" => place_order,
        "fail_order" => fail_order,
        "add_authorization" => add_authorization,
        "begin_validation" => begin_validation,
        "conclude_validation" => conclude_with_proof,
        "conclude_validation" => conclude_with_failure,
        "deactivate_authorization" => deactivate_authorization,
        "note_caa_check" => note_caa_check,
        "redeem_nonce" => redeem_nonce,
        "shared_secret" => shared_secret,
        "prune" => prune,
    ]
}

fn key(kid: &str) -> ExternalAccountKey {
    ExternalAccountKey {
        kid: kid.to_owned(),
        mac_key: SecretSlice::from(vec![9; 32]),
        directory: None,
        comment: "for the tests".to_owned(),
        principal: None,
        single_use: true,
        expires_at: Some(START.plus(HOUR)),
        revoked_at: None,
        used_at: None,
        created_at: START,
    }
}

async fn add_key(bench: &Bench, key: ExternalAccountKey) {
    let event = happened(EventKind::ExternalAccountKeyCreated);
    let adding = bench.store.add_external_account_key(key, event);
    adding.await.unwrap();
}

async fn pending_order(bench: &Bench, id: &str) -> (Account, Order) {
    let account = bench.account(id).await;
    let order = bench.pending_order(&account, &["a.example.internal"]).await;
    (account, order)
}

async fn register(bench: &Bench, id: &str) -> Prepared {
    add_key(bench, key(id)).await;
    let mut account = account(id);
    account.external_account = Some(id.to_owned());
    let store = bench.store.clone();
    call!(store, account => store.register(account, happened(EventKind::AccountCreated)))
}

async fn update_account(bench: &Bench, id: &str) -> Prepared {
    let id = bench.account(id).await.id;
    let (store, contacts) = (bench.store.clone(), vec!["mailto:b@b.internal".to_owned()]);
    call!(store, id, contacts =>
        store.update_account(&id, Some(&contacts), true, happened(EventKind::AccountUpdated)))
}

async fn deactivate_account(bench: &Bench, id: &str) -> Prepared {
    let id = pending_order(bench, id).await.0.id;
    let store = bench.store.clone();
    call!(store, id =>
        store.deactivate_account(&id, happened(EventKind::AccountDeactivated)))
}

async fn change_key(bench: &Bench, id: &str) -> Prepared {
    let account = bench.account(id).await;
    let (store, new) = (bench.store.clone(), format!("new-{id}"));
    call!(store, account, new => store.change_key(
        &account.id, &account.thumbprint, "{}", &new, happened(EventKind::AccountKeyChanged)))
}

async fn add_external_account_key(bench: &Bench, id: &str) -> Prepared {
    let (store, id) = (bench.store.clone(), id.to_owned());
    call!(store, id => store.add_external_account_key(
        key(&id), happened(EventKind::ExternalAccountKeyCreated)))
}

async fn revoke_external_account_key(bench: &Bench, id: &str) -> Prepared {
    add_key(bench, key(id)).await;
    let (store, id) = (bench.store.clone(), id.to_owned());
    call!(store, id => store.revoke_external_account_key(
        &id, happened(EventKind::ExternalAccountKeyRevoked)))
}

async fn place_order(bench: &Bench, id: &str) -> Prepared {
    let account = bench.account(id).await;
    let names = ["a.example.internal", "b.example.internal"];
    let new = new_order(&account, &names, bench.now());
    let store = bench.store.clone();
    call!(store, new => store.place_order(new, happened(EventKind::OrderCreated)))
}

async fn fail_order(bench: &Bench, id: &str) -> Prepared {
    let account = bench.account(id).await;
    let order = bench.ready_order(&account, &["a.example.internal"]).await;
    let store = bench.store.clone();
    call!(store, order =>
        store.fail_order(&order.id, &problem(), happened(EventKind::OrderRefused)))
}

async fn add_authorization(bench: &Bench, id: &str) -> Prepared {
    let account = bench.account(id).await;
    let added = pending(&account, "a.example.internal", bench.now());
    let store = bench.store.clone();
    call!(store, added =>
        store.add_authorization(added, happened(EventKind::AuthorizationCreated)))
}

async fn begin_validation(bench: &Bench, id: &str) -> Prepared {
    let id = pending_order(bench, id).await.1.authorizations.remove(0);
    let store = bench.store.clone();
    call!(store, id => store.begin_validation(&id, ChallengeKind::Http01))
}

async fn conclude_with_proof(bench: &Bench, id: &str) -> Prepared {
    let expires_at = bench.now().plus(HOUR * 8);
    conclude(bench, id, ValidationOutcome::Proven { expires_at }).await
}

async fn conclude_with_failure(bench: &Bench, id: &str) -> Prepared {
    conclude(bench, id, ValidationOutcome::Failed(problem())).await
}

async fn conclude(bench: &Bench, id: &str, outcome: ValidationOutcome) -> Prepared {
    let id = pending_order(bench, id).await.1.authorizations.remove(0);
    let store = bench.store.clone();
    let kind = ChallengeKind::Http01;
    call!(store, id, outcome => store.conclude_validation(
        &id, kind, outcome, happened(EventKind::AuthorizationValidated)))
}

async fn deactivate_authorization(bench: &Bench, id: &str) -> Prepared {
    let id = pending_order(bench, id).await.1.authorizations.remove(0);
    let store = bench.store.clone();
    call!(store, id => store.deactivate_authorization(
        &id, happened(EventKind::AuthorizationDeactivated)))
}

async fn note_caa_check(bench: &Bench, id: &str) -> Prepared {
    let ids = pending_order(bench, id).await.1.authorizations;
    let (store, now) = (bench.store.clone(), bench.now());
    call!(store, ids => store.note_caa_check(&ids, now))
}

/// On SQLite the writer saves it later, with the first change that comes.
async fn redeem_nonce(bench: &Bench, id: &str) -> Prepared {
    let (store, id, now) = (bench.store.clone(), id.to_owned(), bench.now());
    let is_sqlite = bench.url.starts_with("sqlite");
    call!(store, id => async {
        let redeemed = store.redeem_nonce(&id, now.plus(HOUR)).await;
        if is_sqlite {
            AcmeStore::shared_secret(&store, &id, [7; 32]).await?;
        }
        redeemed
    })
}

async fn shared_secret(bench: &Bench, id: &str) -> Prepared {
    let (store, id) = (bench.store.clone(), id.to_owned());
    call!(store, id => AcmeStore::shared_secret(&store, &id, [7; 32]))
}

/// One of each kind that ends, and all that earlier acts left.
async fn prune(bench: &Bench, id: &str) -> Prepared {
    let store = bench.store.clone();
    let recorded = ledger::issued(bench, id).await;
    assert_eq!(recorded, Ok(()));
    let mut minted = key(id);
    minted.principal = Some(std::sync::Arc::new(session_of_client(id, id).principal));
    add_key(bench, minted).await;
    let added = store.add_client(client(id), happened(EventKind::ClientCreated));
    added.await.unwrap();
    let session = session_of_client(id, id);
    let token = refresh_token(id, &session);
    let opened = store.open_session(session, Some(token), happened(EventKind::LoginSucceeded));
    opened.await.unwrap();
    store.use_token("gitlab", id, START).await.unwrap();
    let added = store.add_grant(
        grant(&format!("{id}-2")),
        happened(EventKind::ClientCreated),
    );
    added.await.unwrap();
    store.redeem_nonce(id, START).await.unwrap();
    let late = bench.now().plus(HOUR * 24 * 365);
    // The nonce is there before, whoever saves it.
    AcmeStore::shared_secret(&store, id, [7; 32]).await.unwrap();
    call!(store => store.prune(late, late))
}

fn problem() -> Problem {
    Problem::new(ProblemKind::Unauthorized, "it says no")
}
