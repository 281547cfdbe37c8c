//! Accounts.

use ca_acme::account::AccountStatus;
use ca_acme::authorization::AuthorizationStatus;
use ca_acme::order::OrderStatus;
use ca_acme::store::{AcmeStore, KeyChange, Placement, Registration, StoreError};
use ca_issuance::audit::EventKind;

use crate::bench::{Bench, account, event, fifty, new_order, on_both_databases};

on_both_databases!(
    reads_back_what_was_registered,
    registers_one_account_per_key_however_many_ask,
    registers_a_key_once_in_each_directory,
    updates_contacts_and_keeps_agreement,
    deactivation_ends_authorizations_and_orders,
    places_nothing_for_a_deactivated_account,
    swaps_a_key,
    refuses_a_key_that_another_account_has,
    gives_one_key_to_one_of_fifty_accounts,
);

async fn reads_back_what_was_registered(bench: Bench) {
    let mut asked = account("anna");
    asked.external_binding = Some("{\"protected\":\"…\"}".to_owned());
    let event = event(EventKind::AccountCreated, "anna");

    let registration = bench.store.register(asked.clone(), event).await.unwrap();

    assert_eq!(registration, Registration::Created(asked.clone()));
    let by_id = bench.store.account("default", "anna").await.unwrap();
    assert_eq!(by_id, Some(asked.clone()));
    let by_key = bench
        .store
        .account_by_thumbprint("default", &asked.thumbprint);
    assert_eq!(by_key.await.unwrap(), Some(asked));
    assert_eq!(bench.store.account("other", "anna").await.unwrap(), None);
}

async fn registers_one_account_per_key_however_many_ask(bench: Bench) {
    let registrations = fifty(|number| {
        let store = bench.store.clone();
        let mut account = account(&format!("account-{number}"));
        account.thumbprint = "the-same-key".to_owned();
        let event = event(EventKind::AccountCreated, &account.id);
        async move { store.register(account, event).await.unwrap() }
    })
    .await;

    let created: Vec<_> = registrations
        .iter()
        .filter(|one| matches!(one, Registration::Created(_)))
        .collect();
    assert_eq!(created.len(), 1);
    assert_eq!(bench.count("account").await, 1);
    assert_eq!(bench.count("audit_event").await, 1);
}

async fn registers_a_key_once_in_each_directory(bench: Bench) {
    bench.account("anna").await;
    let mut elsewhere = account("anna-elsewhere");
    elsewhere.thumbprint = account("anna").thumbprint;
    elsewhere.directory = "other".to_owned();

    let event = event(EventKind::AccountCreated, "anna-elsewhere");
    let registration = bench
        .store
        .register(elsewhere.clone(), event)
        .await
        .unwrap();

    assert_eq!(registration, Registration::Created(elsewhere));
}

async fn updates_contacts_and_keeps_agreement(bench: Bench) {
    bench.account("anna").await;
    let contacts = ["mailto:new@example.internal".to_owned()];
    let updated = || event(EventKind::AccountUpdated, "anna");

    let agreed = bench.store.update_account("anna", None, true, updated());
    let agreed = agreed.await.unwrap();
    let moved = bench
        .store
        .update_account("anna", Some(&contacts), false, updated());
    let moved = moved.await.unwrap();

    assert!(agreed.terms_agreed);
    assert_eq!(agreed.contacts, account("anna").contacts);
    assert!(moved.terms_agreed);
    assert_eq!(moved.contacts, contacts);
}

async fn deactivation_ends_authorizations_and_orders(bench: Bench) {
    let anna = bench.account("anna").await;
    let pending = bench.pending_order(&anna, &["a.example.internal"]).await;
    let ready = bench.ready_order(&anna, &["b.example.internal"]).await;
    let processing = bench.ready_order(&anna, &["c.example.internal"]).await;
    bench.intent(Some(&processing)).await;

    let event = event(EventKind::AccountDeactivated, "anna");
    let account = bench.store.deactivate_account("anna", event).await.unwrap();

    assert_eq!(account.status, AccountStatus::Deactivated);
    assert_eq!(bench.order(&pending.id).await.status, OrderStatus::Invalid);
    assert_eq!(bench.order(&ready.id).await.status, OrderStatus::Invalid);
    let left_to_its_signature = bench.order(&processing.id).await.status;
    assert_eq!(left_to_its_signature, OrderStatus::Processing);
    for id in pending.authorizations.iter().chain(&ready.authorizations) {
        let authorization = bench.store.authorization(id).await.unwrap().unwrap();
        assert_eq!(authorization.status, AuthorizationStatus::Deactivated);
    }
}

async fn places_nothing_for_a_deactivated_account(bench: Bench) {
    let anna = bench.account("anna").await;
    let deactivated = event(EventKind::AccountDeactivated, "anna");
    let done = bench.store.deactivate_account("anna", deactivated.clone());
    done.await.unwrap();

    let order = new_order(&anna, &["a.example.internal"], bench.now());
    let event = event(EventKind::OrderCreated, "order");
    let placement = bench.store.place_order(order, event).await.unwrap();
    let again = bench.store.deactivate_account("anna", deactivated).await;

    assert_eq!(placement, Placement::AccountNotValid);
    assert!(matches!(again, Err(StoreError::Conflict)));
    assert_eq!(bench.count("authorization").await, 0);
}

async fn swaps_a_key(bench: Bench) {
    let anna = bench.account("anna").await;
    let changed = || event(EventKind::AccountKeyChanged, "anna");
    let store = &bench.store;

    let first = store.change_key("anna", &anna.thumbprint, "{}", "new", changed());
    let first = first.await.unwrap();
    let second = store.change_key("anna", &anna.thumbprint, "{}", "newer", changed());
    let second = second.await.unwrap();

    let KeyChange::Changed(account) = first else {
        panic!("{first:?}");
    };
    assert_eq!(
        (account.jwk.as_str(), account.thumbprint.as_str()),
        ("{}", "new")
    );
    assert_eq!(second, KeyChange::Stale);
    let old = store.account_by_thumbprint("default", &anna.thumbprint);
    assert_eq!(old.await.unwrap(), None);
}

async fn refuses_a_key_that_another_account_has(bench: Bench) {
    let anna = bench.account("anna").await;
    let ben = bench.account("ben").await;

    let event = event(EventKind::AccountKeyChanged, "anna");
    let change = bench
        .store
        .change_key("anna", &anna.thumbprint, &ben.jwk, &ben.thumbprint, event);
    let change = change.await.unwrap();

    assert_eq!(change, KeyChange::KeyInUse("ben".to_owned()));
}

async fn gives_one_key_to_one_of_fifty_accounts(bench: Bench) {
    for number in 0..50 {
        bench.account(&format!("account-{number}")).await;
    }

    let changes = fifty(|number| {
        let store = bench.store.clone();
        let account = account(&format!("account-{number}"));
        let event = event(EventKind::AccountKeyChanged, &account.id);
        async move {
            let change = store.change_key(&account.id, &account.thumbprint, "{}", "wanted", event);
            change.await.unwrap()
        }
    })
    .await;

    let changed = |change: &&KeyChange| matches!(change, KeyChange::Changed(_));
    let refused = |change: &&KeyChange| matches!(change, KeyChange::KeyInUse(_));
    assert_eq!(changes.iter().filter(changed).count(), 1);
    assert_eq!(changes.iter().filter(refused).count(), 49);
}

/// Where one server serves, accounts are read from memory: it must never lag behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_is_seen_at_once_by_a_server_that_remembers() {
    let bench = Bench::sqlite().await;
    bench.store.begin_serving().await.unwrap();
    let anna = bench.account("anna").await;
    let changed = || event(EventKind::AccountKeyChanged, "anna");
    let read = async || {
        bench
            .store
            .account("default", "anna")
            .await
            .unwrap()
            .unwrap()
    };
    assert_eq!(read().await, anna);

    let agree = bench.store.update_account("anna", None, true, changed());
    agree.await.unwrap();
    assert!(read().await.terms_agreed);
    let rekey = bench
        .store
        .change_key("anna", &anna.thumbprint, "{}", "new", changed());
    rekey.await.unwrap();
    assert_eq!(read().await.thumbprint, "new");
    let deactivate = bench.store.deactivate_account("anna", changed());
    deactivate.await.unwrap();
    assert_eq!(read().await.status, AccountStatus::Deactivated);
}
