//! Groups: durable together, failing alone, drained at the end.

use std::time::Duration;

use ca_acme::order::OrderStatus;
use ca_acme::store::{AcmeStore, Registration, StoreError};
use ca_issuance::audit::EventKind;
use ca_issuance::ledger::{Ledger, LedgerError};

use ca_store::Store;
use sea_orm::{ConnectionTrait, DatabaseConnection, TransactionTrait};

use crate::bench::{Bench, HOUR, account, event, fifty, intent, new_order, on_both_databases};

on_both_databases!(
    a_change_that_fails_takes_no_other_with_it,
    what_a_failed_change_had_written_is_undone_alone,
    a_failed_statement_leaves_nothing_of_its_change,
    no_change_without_its_event,
    closing_finishes_what_is_queued,
    refuses_changes_after_closing,
    finishes_a_change_whose_asker_hung_up,
    answers_to_a_ping,
);

async fn a_change_that_fails_takes_no_other_with_it(bench: Bench) {
    let spent = bench.intent(None).await;

    let outcomes = fifty(|number| {
        let store = bench.store.clone();
        let intent = match number % 5 {
            0 => spent.clone(),
            _ => intent(bench.now(), None),
        };
        let event = event(EventKind::CertificateIntended, &intent.serial.to_string());
        async move { store.record_intent(&intent, event).await }
    })
    .await;

    assert_eq!(outcomes.iter().filter(|one| one.is_ok()).count(), 40);
    let conflict = |one: &&Result<(), LedgerError>| matches!(one, Err(LedgerError::Conflict));
    assert_eq!(outcomes.iter().filter(conflict).count(), 10);
    assert_eq!(bench.count("certificate").await, 41);
    assert_eq!(bench.count("audit_event").await, 41);
}

/// Groups run without savepoints until a change fails, here at its second row or later.
async fn what_a_failed_change_had_written_is_undone_alone(bench: Bench) {
    let anna = bench.account("anna").await;
    let taken = bench.pending_order(&anna, &["a.example.internal"]).await;

    let outcomes = fifty(|number| {
        let store = bench.store.clone();
        let names = ["b.example.internal", "c.example.internal"];
        let mut new = new_order(&anna, &names, bench.now());
        if number % 5 == 0 {
            new.order.id.clone_from(&taken.id);
        }
        let nonce = format!("nonce-{number}");
        let end = bench.now().plus(HOUR);
        let event = event(EventKind::OrderCreated, &new.order.id);
        async move {
            assert!(store.redeem_nonce(&nonce, end).await.unwrap());
            store.place_order(new, event).await
        }
    })
    .await;

    let placed = outcomes.iter().filter(|one| one.is_ok()).count();
    assert_eq!(placed, 40);
    assert_eq!(bench.count("acme_order").await, 41);
    assert_eq!(bench.count("authorization").await, 81);
    assert_eq!(bench.count("order_authorization").await, 81);
    assert_eq!(bench.count("audit_event").await, 42);
    assert_eq!(bench.count("redeemed_nonce").await, 50);
}

async fn a_failed_statement_leaves_nothing_of_its_change(bench: Bench) {
    let anna = bench.account("anna").await;
    let order = bench.ready_order(&anna, &["a.example.internal"]).await;
    bench.break_inserts_into("certificate").await;

    let intended = intent(bench.now(), Some(&order));
    let event = event(EventKind::CertificateIntended, "serial");
    let broken = bench.store.record_intent(&intended, event.clone()).await;
    let after = bench.order(&order.id).await;
    bench.mend("certificate").await;
    let mended = bench.store.record_intent(&intended, event).await;

    assert!(matches!(broken, Err(LedgerError::Unavailable { .. })));
    assert_eq!(after.status, OrderStatus::Ready);
    mended.unwrap();
    assert_eq!(bench.order(&order.id).await.status, OrderStatus::Processing);
}

async fn no_change_without_its_event(bench: Bench) {
    bench.break_inserts_into("audit_event").await;

    let event = event(EventKind::AccountCreated, "anna");
    let broken = bench.store.register(account("anna"), event.clone()).await;
    let found = bench.store.account("default", "anna").await.unwrap();
    bench.mend("audit_event").await;
    let mended = bench.store.register(account("anna"), event).await.unwrap();

    assert!(matches!(broken, Err(StoreError::Unavailable { .. })));
    assert_eq!(found, None);
    assert_eq!(mended, Registration::Created(account("anna")));
}

async fn closing_finishes_what_is_queued(bench: Bench) {
    let (asked, mut all_asked) = tokio::sync::mpsc::channel::<()>(1);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..50 {
        let (store, asked) = (bench.store.clone(), asked.clone());
        let account = account(&format!("account-{number}"));
        let event = event(EventKind::AccountCreated, &account.id);
        tasks.spawn(async move {
            let mut registering = std::pin::pin!(store.register(account, event));
            // Once polled, the change is queued.
            let early = poll_once(registering.as_mut()).await;
            drop(asked);
            match early {
                Some(outcome) => outcome,
                None => registering.await,
            }
        });
    }
    drop(asked);
    all_asked.recv().await;

    bench.store.close().await;

    let registered = tasks.join_all().await;
    assert!(registered.iter().all(Result::is_ok));
    assert_eq!(bench.count("account").await, 50);
}

/// Polls a future once.
async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

async fn refuses_changes_after_closing(bench: Bench) {
    bench.store.close().await;

    let event = event(EventKind::AccountCreated, "anna");
    let refused = bench.store.register(account("anna"), event).await;

    assert!(matches!(refused, Err(StoreError::Unavailable { .. })));
}

async fn finishes_a_change_whose_asker_hung_up(bench: Bench) {
    let store = bench.store.clone();
    let registering = async move {
        let event = event(EventKind::AccountCreated, "anna");
        let mut registering = std::pin::pin!(store.register(account("anna"), event));
        poll_once(registering.as_mut()).await.is_none()
    };
    let hung_up = registering.await;

    bench.store.close().await;

    assert!(hung_up);
    assert_eq!(bench.count("account").await, 1);
}

async fn answers_to_a_ping(bench: Bench) {
    bench.store.ping().await.unwrap();
    bench.store.close().await;

    assert!(bench.store.ping().await.is_err());
}

/// What arrives while the database is busy waits, up to a bound; the rest is refused at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refuses_at_once_what_does_not_fit_the_queue() {
    let bench = Bench::sqlite().await;
    let mut options = Bench::options(&bench.clock);
    (options.group_size, options.queue_length) = (1, 4);
    let store = Store::connect(&bench.url, options).await.unwrap();
    let busy = bench.raw().await;
    let holding = take_write_lock(&busy).await;

    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let store = store.clone();
        let account = account(&format!("account-{number}"));
        let event = event(EventKind::AccountCreated, &account.id);
        tasks.spawn(async move { store.register(account, event).await });
    }
    let mut refused = 0;
    while refused < 14 {
        let outcome = tasks.join_next().await.unwrap().unwrap();
        assert!(matches!(outcome, Err(StoreError::Unavailable { .. })));
        refused += 1;
    }
    holding.rollback().await.unwrap();
    let rest = tasks.join_all().await;

    // Four waited; one or two more if the writer had taken as many before.
    assert_eq!(rest.len(), 6);
    assert!(rest.iter().filter(|one| one.is_ok()).count() >= 4);
}

async fn take_write_lock(database: &DatabaseConnection) -> sea_orm::DatabaseTransaction {
    let transaction = database.begin().await.unwrap();
    let write = "INSERT INTO lease (work, holder, fencing, expires_at) VALUES ('x', 'x', 1, 1)";
    transaction.execute_unprepared(write).await.unwrap();
    transaction
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goes_on_after_its_connections_are_cut() {
    let bench = Bench::postgres().await;
    bench.account("anna").await;

    bench
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await;
    let created = bench.account("ben").await;

    assert_eq!(created.id, "ben");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_another_server_holds_holds_up_only_its_own_change() {
    let bench = Bench::postgres().await;
    let anna = bench.account("anna").await;
    let other_server = bench.raw().await;
    let holding = other_server.begin().await.unwrap();
    let hold = "SELECT 1 FROM account WHERE id = 'anna' FOR UPDATE";
    holding.execute_unprepared(hold).await.unwrap();

    let new = new_order(&anna, &["a.example.internal"], bench.now());
    let placing = event(EventKind::OrderCreated, &new.order.id);
    let placing = bench.store.place_order(new.clone(), placing);
    let others = fifty(|number| {
        let store = bench.store.clone();
        let account = account(&format!("account-{number}"));
        let event = event(EventKind::AccountCreated, &account.id);
        async move { store.register(account, event).await }
    });
    let (placement, others) = tokio::join!(placing, others);
    holding.rollback().await.unwrap();
    let placed = bench.place(new).await;

    assert!(
        matches!(placement, Err(StoreError::Unavailable { retry_after, .. })
        if retry_after == Duration::from_secs(1))
    );
    assert!(others.iter().all(Result::is_ok));
    assert_eq!(placed.status, OrderStatus::Pending);
}
