//! External account keys.

use std::sync::Arc;
use std::time::Duration;

use ca_acme::account::Account;
use ca_acme::external_account::{ExternalAccountKey, KeyList, KeyQuery};
use ca_acme::store::{AcmeStore, Registration};
use ca_identity::{Principal, Role};
use ca_issuance::audit::EventKind;
use secrecy::{ExposeSecret, SecretSlice};
use serde_json::json;

use crate::bench::{Bench, START, account, event, fifty, on_both_databases};

on_both_databases!(
    reads_back_and_lists_keys,
    lists_the_keys_of_one_owner_page_by_page,
    keys_of_before_get_their_owners,
    finds_no_key_by_what_no_key_is_called,
    binds_one_account_with_a_key_for_single_use,
    binds_many_accounts_with_a_key_for_many,
    refuses_unknown_expired_revoked_and_foreign_keys,
    an_existing_account_uses_up_nothing,
    revokes_once,
    an_account_acts_for_whom_its_key_was_minted,
    forgets_what_was_minted_once_no_account_needs_it,
);

fn key(kid: &str) -> ExternalAccountKey {
    ExternalAccountKey {
        kid: kid.to_owned(),
        mac_key: SecretSlice::from(vec![9; 32]),
        directory: None,
        comment: "for the tests".to_owned(),
        principal: None,
        single_use: false,
        expires_at: None,
        revoked_at: None,
        used_at: None,
        created_at: START,
    }
}

async fn add(bench: &Bench, key: ExternalAccountKey) {
    let event = event(EventKind::ExternalAccountKeyCreated, &key.kid);
    let added = bench.store.add_external_account_key(key, event);
    added.await.unwrap();
}

fn bound(name: &str, kid: &str) -> Account {
    let mut account = account(name);
    account.external_account = Some(kid.to_owned());
    account
}

async fn register(bench: &Bench, account: Account) -> Registration {
    let event = event(EventKind::AccountCreated, &account.id);
    bench.store.register(account, event).await.unwrap()
}

async fn reads_back_and_lists_keys(bench: Bench) {
    let mut newer = key("newer");
    newer.created_at = START.plus(Duration::from_secs(5));
    add(&bench, key("older")).await;
    add(&bench, newer).await;

    let read = bench
        .store
        .external_account_key("older")
        .await
        .unwrap()
        .unwrap();
    let listed = listed(
        &bench,
        &KeyQuery {
            limit: 10,
            ..KeyQuery::default()
        },
    )
    .await;

    assert_eq!(read.mac_key.expose_secret(), [9; 32]);
    assert_eq!(read.comment, "for the tests");
    assert_eq!(listed, ["newer", "older"]);
}

async fn listed(bench: &Bench, query: &KeyQuery) -> Vec<String> {
    let list = bench.store.external_account_keys(query).await.unwrap();
    list.keys.into_iter().map(|key| key.kid).collect()
}

fn of_client(kid: &str, client: &str) -> ExternalAccountKey {
    let mut key = key(kid);
    key.principal = Some(Arc::new(Principal::Client {
        id: client.to_owned(),
        role: None,
    }));
    key
}

async fn lists_the_keys_of_one_owner_page_by_page(bench: Bench) {
    for kid in ["a", "c", "b"] {
        add(&bench, of_client(kid, "deployer")).await;
    }
    let mut newest = of_client("0", "deployer");
    newest.created_at = START.plus(Duration::from_secs(1));
    add(&bench, newest).await;
    add(&bench, of_client("other", "other")).await;
    add(&bench, key("plain")).await;
    let mut query = KeyQuery {
        owner: Some("client:deployer".to_owned()),
        limit: 2,
        cursor: None,
    };

    let first = bench.store.external_account_keys(&query).await.unwrap();
    query.cursor = first.next.clone();
    let second = bench.store.external_account_keys(&query).await.unwrap();
    query.owner = Some("client:\0".to_owned());
    let nobody = listed(&bench, &query).await;

    let kids =
        |list: &KeyList| -> Vec<String> { list.keys.iter().map(|key| key.kid.clone()).collect() };
    assert_eq!(kids(&first), ["0", "c"]);
    assert_eq!(kids(&second), ["b", "a"]);
    assert_eq!(second.next, None);
    assert!(nobody.is_empty());
}

async fn keys_of_before_get_their_owners(bench: Bench) {
    let principals = [
        json!({"kind": "oidc", "provider": "ci", "subject": "project:42", "claims": {"a": 1}}),
        json!({"kind": "client", "id": "deployer", "role": null}),
        json!({"kind": "certificate", "issuer": "tls", "serial": "0a", "profile": "p",
               "identifiers": ["dns:a.example"]}),
        json!({"kind": "operator", "name": "anna", "role": "admin"}),
    ];
    let principals: Vec<Principal> = principals
        .into_iter()
        .map(|principal| serde_json::from_value(principal).unwrap())
        .collect();
    for (number, principal) in principals.iter().enumerate() {
        let mut minted = key(&number.to_string());
        minted.principal = Some(Arc::new(principal.clone()));
        add(&bench, minted).await;
    }
    add(&bench, key("plain")).await;

    for undone in [
        "DROP INDEX account_external_account",
        "DROP INDEX external_account_key_end",
        "DROP INDEX external_account_key_age",
        "DROP INDEX external_account_key_owner",
        "ALTER TABLE external_account_key DROP COLUMN owner",
        "DELETE FROM seaql_migrations WHERE version = 'm0009_lists'",
    ] {
        bench.execute(undone).await;
    }
    bench.store.migrate().await.unwrap();

    for (number, principal) in principals.iter().enumerate() {
        let query = KeyQuery {
            owner: Some(principal.name()),
            limit: 10,
            cursor: None,
        };
        assert_eq!(listed(&bench, &query).await, [number.to_string()]);
    }
}

async fn finds_no_key_by_what_no_key_is_called(bench: Bench) {
    for kid in ["", "nobody", "\0", "' OR ''='", "\u{10ffff}"] {
        let found = bench.store.external_account_key(kid).await.unwrap();
        assert!(found.is_none(), "{kid:?}");
    }
}

async fn binds_one_account_with_a_key_for_single_use(bench: Bench) {
    let mut once = key("once");
    once.single_use = true;
    add(&bench, once).await;

    let registrations = fifty(|number| {
        let store = bench.store.clone();
        let account = bound(&format!("account-{number}"), "once");
        let event = event(EventKind::AccountCreated, &account.id);
        async move { store.register(account, event).await.unwrap() }
    })
    .await;

    let created = |one: &&Registration| matches!(one, Registration::Created(_));
    let refused = |one: &&Registration| matches!(one, Registration::BindingRefused);
    assert_eq!(registrations.iter().filter(created).count(), 1);
    assert_eq!(registrations.iter().filter(refused).count(), 49);
}

async fn binds_many_accounts_with_a_key_for_many(bench: Bench) {
    add(&bench, key("many")).await;

    let first = register(&bench, bound("anna", "many")).await;
    let second = register(&bench, bound("ben", "many")).await;

    assert!(matches!(first, Registration::Created(_)));
    assert!(matches!(second, Registration::Created(_)));
    let key = bench
        .store
        .external_account_key("many")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(key.used_at, Some(START));
}

async fn refuses_unknown_expired_revoked_and_foreign_keys(bench: Bench) {
    let mut expired = key("expired");
    expired.expires_at = Some(START);
    let mut revoked = key("revoked");
    revoked.revoked_at = Some(START);
    let mut foreign = key("foreign");
    foreign.directory = Some("other".to_owned());
    for key in [expired, revoked, foreign] {
        add(&bench, key).await;
    }

    for kid in ["unknown", "expired", "revoked", "foreign"] {
        let registration = register(&bench, bound(kid, kid)).await;
        assert_eq!(registration, Registration::BindingRefused, "{kid}");
    }
    assert_eq!(bench.count("account").await, 0);
}

async fn an_existing_account_uses_up_nothing(bench: Bench) {
    let anna = bench.account("anna").await;
    let mut once = key("once");
    once.single_use = true;
    add(&bench, once).await;

    let registration = register(&bench, bound("anna", "once")).await;

    assert_eq!(registration, Registration::Existing(anna));
    let key = bench
        .store
        .external_account_key("once")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(key.used_at, None);
}

async fn revokes_once(bench: Bench) {
    add(&bench, key("kid")).await;
    let revoked = || event(EventKind::ExternalAccountKeyRevoked, "kid");

    let first = bench.store.revoke_external_account_key("kid", revoked());
    assert!(first.await.unwrap());
    let second = bench.store.revoke_external_account_key("kid", revoked());
    assert!(!second.await.unwrap());
    let unknown = bench.store.revoke_external_account_key("other", revoked());
    assert!(!unknown.await.unwrap());
}

async fn an_account_acts_for_whom_its_key_was_minted(bench: Bench) {
    let deployer = Arc::new(Principal::Client {
        id: "deployer".to_owned(),
        role: Some(Role::Operator),
    });
    let mut minted = key("minted");
    minted.principal = Some(Arc::clone(&deployer));
    add(&bench, minted).await;
    add(&bench, key("plain")).await;

    let acting = register(&bench, bound("anna", "minted")).await;
    register(&bench, bound("ben", "plain")).await;

    let Registration::Created(acting) = acting else {
        panic!("{acting:?}");
    };
    assert_eq!(acting.principal, Some(Arc::clone(&deployer)));
    let read = bench.store.account("default", "anna").await.unwrap();
    assert_eq!(read, Some(acting));
    let read = bench.store.account("default", "ben").await.unwrap();
    assert_eq!(read.unwrap().principal, None);
    let listed = bench.store.external_account_key("minted").await.unwrap();
    assert_eq!(listed.unwrap().principal, Some(deployer));
    let sql = "SELECT actor FROM audit_event WHERE kind = 'account.created' ORDER BY sequence";
    let actors = bench.texts(sql).await;
    assert_eq!(actors, ["client:deployer via acme:default:anna", "system"]);
}

async fn forgets_what_was_minted_once_no_account_needs_it(bench: Bench) {
    let deployer = Arc::new(Principal::Client {
        id: "deployer".to_owned(),
        role: None,
    });
    for (kid, principal, single_use) in [
        ("used", Some(&deployer), true),
        ("unused", Some(&deployer), true),
        ("lasting", Some(&deployer), false),
        ("plain", None, true),
    ] {
        let mut key = key(kid);
        key.principal = principal.cloned();
        key.single_use = single_use;
        key.expires_at = Some(START.plus(Duration::from_secs(600)));
        add(&bench, key).await;
    }
    register(&bench, bound("anna", "used")).await;
    let everything = KeyQuery {
        limit: 10,
        ..KeyQuery::default()
    };

    let end = START.plus(Duration::from_secs(600));
    bench.store.prune(end, START).await.unwrap();
    let before = listed(&bench, &everything).await.len();
    let later = end.plus(Duration::from_secs(1));
    bench.store.prune(later, START).await.unwrap();
    let kept = listed(&bench, &everything).await;
    let deactivated = event(EventKind::AccountDeactivated, "anna");
    let deactivating = bench.store.deactivate_account("anna", deactivated);
    deactivating.await.unwrap();
    bench.store.prune(later, START).await.unwrap();
    let left = listed(&bench, &everything).await;

    assert_eq!(before, 4);
    assert_eq!(kept, ["used", "plain", "lasting"]);
    assert_eq!(left, ["plain", "lasting"]);
}
