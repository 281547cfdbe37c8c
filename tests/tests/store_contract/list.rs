//! Lists of accounts and orders of everybody.

use std::time::Duration;

use ca_acme::account::{Account, AccountQuery, AccountStatus};
use ca_acme::cursor::Cursor;
use ca_acme::order::{OrderQuery, OrderStatus};
use ca_acme::store::{AcmeStore, Registration};
use ca_issuance::audit::EventKind;

use crate::bench::{Bench, HOUR, START, account, event, on_both_databases};

on_both_databases!(
    lists_accounts_newest_first_page_by_page,
    an_account_made_between_two_pages_shifts_nothing,
    lists_accounts_by_directory_and_status,
    lists_orders_newest_first_page_by_page,
    lists_orders_by_directory_account_and_status,
    an_order_that_expired_unfinished_is_listed_as_invalid,
    finds_nothing_by_what_nothing_is_called,
);

/// Registers an account that is so old.
async fn registered(bench: &Bench, name: &str, age: Duration) -> Account {
    let mut account = account(name);
    account.created_at = START.minus(age);
    let created = event(EventKind::AccountCreated, name);
    let registration = bench.store.register(account, created).await.unwrap();
    let Registration::Created(account) = registration else {
        panic!("{registration:?}");
    };
    account
}

async fn page(bench: &Bench, limit: u32, cursor: Option<Cursor>) -> (Vec<String>, Option<Cursor>) {
    let query = AccountQuery {
        limit,
        cursor,
        ..AccountQuery::default()
    };
    let list = bench.store.accounts(&query).await.unwrap();
    let ids = list.accounts.into_iter().map(|account| account.id);
    (ids.collect(), list.next)
}

async fn lists_accounts_newest_first_page_by_page(bench: Bench) {
    for (name, hours) in [("b", 2), ("e", 0), ("a", 3), ("c", 1), ("d", 1)] {
        registered(&bench, name, HOUR * hours).await;
    }

    let (first, after_first) = page(&bench, 2, None).await;
    let (second, after_second) = page(&bench, 2, after_first).await;
    let (third, after_third) = page(&bench, 2, after_second).await;
    let (all, after_all) = page(&bench, 5, None).await;

    assert_eq!([first, second, third].concat(), ["e", "d", "c", "b", "a"]);
    assert_eq!(after_third, None);
    assert_eq!(all, ["e", "d", "c", "b", "a"]);
    assert_eq!(after_all, None);
}

async fn an_account_made_between_two_pages_shifts_nothing(bench: Bench) {
    for (name, hours) in [("a", 3), ("b", 2), ("c", 1)] {
        registered(&bench, name, HOUR * hours).await;
    }

    let (first, next) = page(&bench, 2, None).await;
    registered(&bench, "new", Duration::ZERO).await;
    let (second, end) = page(&bench, 2, next).await;

    assert_eq!(first, ["c", "b"]);
    assert_eq!(second, ["a"]);
    assert_eq!(end, None);
}

async fn lists_accounts_by_directory_and_status(bench: Bench) {
    bench.account("here").await;
    bench.account("gone").await;
    let deactivated = event(EventKind::AccountDeactivated, "gone");
    let deactivating = bench.store.deactivate_account("gone", deactivated);
    deactivating.await.unwrap();
    let mut elsewhere = account("elsewhere");
    elsewhere.directory = "other".to_owned();
    let created = event(EventKind::AccountCreated, "elsewhere");
    bench.store.register(elsewhere, created).await.unwrap();
    let listed = async |directory: Option<&str>, status| {
        let query = AccountQuery {
            directory: directory.map(str::to_owned),
            status,
            limit: 10,
            cursor: None,
        };
        let list = bench.store.accounts(&query).await.unwrap();
        let ids = list.accounts.into_iter().map(|account| account.id);
        ids.collect::<Vec<_>>()
    };

    let valid = Some(AccountStatus::Valid);
    let deactivated = Some(AccountStatus::Deactivated);
    assert_eq!(listed(None, None).await, ["here", "gone", "elsewhere"]);
    assert_eq!(listed(Some("default"), None).await, ["here", "gone"]);
    assert_eq!(listed(None, valid).await, ["here", "elsewhere"]);
    assert_eq!(listed(Some("default"), deactivated).await, ["gone"]);
    assert!(
        listed(Some("default"), Some(AccountStatus::Revoked))
            .await
            .is_empty()
    );
}

async fn lists_orders_newest_first_page_by_page(bench: Bench) {
    let anna = bench.account("anna").await;
    let mut placed = Vec::new();
    for _ in 0..5 {
        placed.push(bench.pending_order(&anna, &["a.example.internal"]).await);
        bench.clock.advance(Duration::from_secs(1));
    }
    placed.reverse();

    let mut read = Vec::new();
    let mut cursor = None;
    loop {
        let query = OrderQuery {
            limit: 2,
            cursor,
            ..OrderQuery::default()
        };
        let list = bench.store.orders(&query).await.unwrap();
        assert!(list.orders.len() <= 2);
        read.extend(list.orders);
        bench.pending_order(&anna, &["new.example.internal"]).await;
        cursor = list.next;
        if cursor.is_none() {
            break;
        }
    }

    assert_eq!(read, placed);
}

/// Lists the ids of orders that match.
async fn order_ids(bench: &Bench, query: OrderQuery) -> Vec<String> {
    let query = OrderQuery { limit: 10, ..query };
    let list = bench.store.orders(&query).await.unwrap();
    list.orders.into_iter().map(|order| order.id).collect()
}

async fn lists_orders_by_directory_account_and_status(bench: Bench) {
    let anna = bench.account("anna").await;
    let ben = bench.account("ben").await;
    let pending = bench.pending_order(&anna, &["a.example.internal"]).await;
    bench.clock.advance(Duration::from_secs(1));
    let valid = bench.ready_order(&anna, &["b.example.internal"]).await;
    bench.certificate(Some(&valid)).await;
    bench.clock.advance(Duration::from_secs(1));
    let of_ben = bench.pending_order(&ben, &["c.example.internal"]).await;
    let all = OrderQuery::default;
    let status = |status| OrderQuery {
        status: Some(status),
        ..all()
    };
    let account = |id: &str| OrderQuery {
        account: Some(id.to_owned()),
        ..all()
    };
    let directory = |name: &str| OrderQuery {
        directory: Some(name.to_owned()),
        ..all()
    };

    for (query, expected) in [
        (all(), vec![&of_ben, &valid, &pending]),
        (status(OrderStatus::Pending), vec![&of_ben, &pending]),
        (status(OrderStatus::Valid), vec![&valid]),
        (status(OrderStatus::Ready), vec![]),
        (status(OrderStatus::Processing), vec![]),
        (status(OrderStatus::Invalid), vec![]),
        (account("anna"), vec![&valid, &pending]),
        (account("nobody"), vec![]),
        (directory("default"), vec![&of_ben, &valid, &pending]),
        (directory("other"), vec![]),
    ] {
        let expected: Vec<_> = expected.iter().map(|order| order.id.clone()).collect();
        let said = format!("{query:?}");
        assert_eq!(order_ids(&bench, query).await, expected, "{said}");
    }
}

async fn an_order_that_expired_unfinished_is_listed_as_invalid(bench: Bench) {
    let anna = bench.account("anna").await;
    let order = bench.pending_order(&anna, &["a.example.internal"]).await;
    bench.clock.advance(HOUR * 2);
    let with = |status| OrderQuery {
        status: Some(status),
        ..OrderQuery::default()
    };

    let invalid = order_ids(&bench, with(OrderStatus::Invalid)).await;
    let pending = order_ids(&bench, with(OrderStatus::Pending)).await;

    assert_eq!(invalid, [order.id]);
    assert!(pending.is_empty());
}

async fn finds_nothing_by_what_nothing_is_called(bench: Bench) {
    let anna = bench.account("anna").await;
    bench.pending_order(&anna, &["a.example.internal"]).await;

    for name in ["", "\0", "' OR ''='", "anna\0"] {
        let accounts = AccountQuery {
            directory: Some(name.to_owned()),
            limit: 10,
            ..AccountQuery::default()
        };
        let list = bench.store.accounts(&accounts).await.unwrap();
        assert!(list.accounts.is_empty(), "{name:?}");
        let orders = OrderQuery {
            account: Some(name.to_owned()),
            ..OrderQuery::default()
        };
        assert!(order_ids(&bench, orders).await.is_empty(), "{name:?}");
    }
    let made_up = Cursor {
        created_at: START,
        id: "\0".to_owned(),
    };
    assert!(page(&bench, 10, Some(made_up)).await.0.is_empty());
}
