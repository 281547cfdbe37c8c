//! Orders.

use ca_acme::authorization::ChallengeKind;
use ca_acme::order::OrderStatus;
use ca_acme::store::{AcmeStore, Placement, StoreError, ValidationOutcome};
use ca_acme::{Problem, ProblemKind};
use ca_issuance::audit::EventKind;

use crate::bench::{Bench, HOUR, dns, event, fifty, new_order, on_both_databases};

on_both_databases!(
    reads_back_what_was_placed,
    is_ready_with_its_last_authorization,
    is_ready_when_authorizations_end_together,
    fails_with_a_failed_authorization,
    fails_with_a_deactivated_authorization,
    is_born_ready_from_valid_authorizations,
    refuses_an_authorization_that_ended,
    replaces_a_certificate_once_however_many_ask,
    a_failed_or_expired_order_gives_up_what_it_replaces,
    expires_unless_it_is_being_issued,
    only_a_ready_order_is_failed,
    pages_through_an_account_s_orders,
    begins_at_the_first_page_for_a_cursor_it_did_not_make,
    counts_unfinished_orders_up_to_a_bound,
);

async fn reads_back_what_was_placed(bench: Bench) {
    let anna = bench.account("anna").await;
    let mut new = new_order(
        &anna,
        &["a.example.internal", "*.b.example.internal"],
        bench.now(),
    );
    new.order.replaces = Some("aki.serial".to_owned());
    new.order.not_before = Some(bench.now());

    let placed = bench.place(new.clone()).await;

    assert_eq!(placed, new.order);
    assert_eq!(bench.order(&placed.id).await, new.order);
    let stored = bench
        .store
        .authorizations(&placed.authorizations)
        .await
        .unwrap();
    assert_eq!(stored, new.new_authorizations);
    assert_eq!(bench.store.order("nonesuch").await.unwrap(), None);
}

async fn is_ready_with_its_last_authorization(bench: Bench) {
    let anna = bench.account("anna").await;
    let order = bench
        .pending_order(&anna, &["a.example.internal", "b.example.internal"])
        .await;

    bench.prove(&order.authorizations[0]).await;
    let half = bench.order(&order.id).await.status;
    bench.prove(&order.authorizations[1]).await;
    let whole = bench.order(&order.id).await.status;

    assert_eq!((half, whole), (OrderStatus::Pending, OrderStatus::Ready));
}

async fn is_ready_when_authorizations_end_together(bench: Bench) {
    let anna = bench.account("anna").await;
    let other_server = bench.another_store().await;
    let names = [
        "a.example.internal",
        "b.example.internal",
        "c.example.internal",
    ];
    let mut orders = Vec::new();
    for _ in 0..50 {
        orders.push(bench.pending_order(&anna, &names).await);
    }

    let proven = fifty(|number| {
        let stores = [
            bench.store.clone(),
            other_server.clone(),
            bench.store.clone(),
        ];
        let authorizations = orders[number].authorizations.clone();
        let expires_at = bench.now().plus(HOUR * 8);
        async move {
            let mut tasks = tokio::task::JoinSet::new();
            for (store, id) in stores.into_iter().zip(authorizations) {
                let event = event(EventKind::AuthorizationValidated, &id);
                let outcome = ValidationOutcome::Proven { expires_at };
                tasks.spawn(async move {
                    let kind = ChallengeKind::Http01;
                    store
                        .conclude_validation(&id, kind, outcome, event)
                        .await
                        .unwrap()
                });
            }
            tasks.join_all().await.len()
        }
    })
    .await;

    assert_eq!(proven.iter().sum::<usize>(), 150);
    for order in orders {
        assert_eq!(bench.order(&order.id).await.status, OrderStatus::Ready);
    }
}

async fn fails_with_a_failed_authorization(bench: Bench) {
    let anna = bench.account("anna").await;
    let order = bench
        .pending_order(&anna, &["a.example.internal", "b.example.internal"])
        .await;
    let why =
        Problem::new(ProblemKind::Connection, "nobody there").about(dns("b.example.internal"));

    let (id, kind) = (&order.authorizations[1], ChallengeKind::Dns01);
    let event = event(EventKind::AuthorizationRefused, id);
    let failed = ValidationOutcome::Failed(why.clone());
    let concluded = bench.store.conclude_validation(id, kind, failed, event);
    concluded.await.unwrap();

    let order = bench.order(&order.id).await;
    assert_eq!(order.status, OrderStatus::Invalid);
    assert_eq!(order.error, Some(why));
}

async fn fails_with_a_deactivated_authorization(bench: Bench) {
    let anna = bench.account("anna").await;
    let order = bench.ready_order(&anna, &["a.example.internal"]).await;

    let id = &order.authorizations[0];
    let event = event(EventKind::AuthorizationDeactivated, id);
    bench
        .store
        .deactivate_authorization(id, event)
        .await
        .unwrap();

    assert_eq!(bench.order(&order.id).await.status, OrderStatus::Invalid);
}

async fn is_born_ready_from_valid_authorizations(bench: Bench) {
    let anna = bench.account("anna").await;
    let earlier = bench.ready_order(&anna, &["a.example.internal"]).await;
    let mut new = new_order(&anna, &["a.example.internal"], bench.now());
    new.new_authorizations.clear();
    new.order.authorizations = earlier.authorizations;
    new.order.status = OrderStatus::Pending;

    let placed = bench.place(new).await;

    assert_eq!(placed.status, OrderStatus::Ready);
    assert_eq!(bench.order(&placed.id).await.status, OrderStatus::Ready);
}

async fn refuses_an_authorization_that_ended(bench: Bench) {
    let anna = bench.account("anna").await;
    let ben = bench.account("ben").await;
    let deactivated = bench.ready_order(&anna, &["a.example.internal"]).await;
    let id = &deactivated.authorizations[0];
    let ended = event(EventKind::AuthorizationDeactivated, id);
    bench
        .store
        .deactivate_authorization(id, ended)
        .await
        .unwrap();
    let foreign = bench.ready_order(&ben, &["a.example.internal"]).await;
    let missing = vec!["nonesuch".to_owned()];

    for gone in [deactivated.authorizations, foreign.authorizations, missing] {
        let mut new = new_order(&anna, &["a.example.internal"], bench.now());
        new.new_authorizations.clear();
        new.order.authorizations = gone;
        let event = event(EventKind::OrderCreated, &new.order.id);
        let placement = bench.store.place_order(new, event).await.unwrap();
        assert_eq!(placement, Placement::AuthorizationGone);
    }
}

async fn replaces_a_certificate_once_however_many_ask(bench: Bench) {
    let anna = bench.account("anna").await;

    let placements = fifty(|_| {
        let store = bench.store.clone();
        let mut new = new_order(&anna, &["a.example.internal"], bench.now());
        new.order.replaces = Some("aki.serial".to_owned());
        let event = event(EventKind::OrderCreated, &new.order.id);
        async move { store.place_order(new, event).await.unwrap() }
    })
    .await;

    let placed = |one: &&Placement| matches!(one, Placement::Placed(_));
    let refused = |one: &&Placement| matches!(one, Placement::AlreadyReplaced);
    assert_eq!(placements.iter().filter(placed).count(), 1);
    assert_eq!(placements.iter().filter(refused).count(), 49);
    assert_eq!(bench.count("authorization").await, 1);
}

async fn a_failed_or_expired_order_gives_up_what_it_replaces(bench: Bench) {
    let anna = bench.account("anna").await;
    let replacing = |now| {
        let mut new = new_order(&anna, &["a.example.internal"], now);
        new.order.replaces = Some("aki.serial".to_owned());
        new
    };
    let failed = bench.place(replacing(bench.now())).await;
    let id = &failed.authorizations[0];
    let ended = event(EventKind::AuthorizationDeactivated, id);
    bench
        .store
        .deactivate_authorization(id, ended)
        .await
        .unwrap();

    let expiring = bench.place(replacing(bench.now())).await;
    bench.clock.advance(HOUR * 2);
    let last = bench.place(replacing(bench.now())).await;

    assert_eq!(bench.order(&expiring.id).await.status, OrderStatus::Invalid);
    assert_eq!(last.status, OrderStatus::Pending);
}

async fn expires_unless_it_is_being_issued(bench: Bench) {
    let anna = bench.account("anna").await;
    let pending = bench.pending_order(&anna, &["a.example.internal"]).await;
    let ready = bench.ready_order(&anna, &["b.example.internal"]).await;
    let processing = bench.ready_order(&anna, &["c.example.internal"]).await;
    bench.intent(Some(&processing)).await;

    bench.clock.advance(HOUR * 2);

    assert_eq!(bench.order(&pending.id).await.status, OrderStatus::Invalid);
    assert_eq!(bench.order(&ready.id).await.status, OrderStatus::Invalid);
    assert_eq!(
        bench.order(&processing.id).await.status,
        OrderStatus::Processing
    );
}

async fn only_a_ready_order_is_failed(bench: Bench) {
    let anna = bench.account("anna").await;
    let pending = bench.pending_order(&anna, &["a.example.internal"]).await;
    let ready = bench.ready_order(&anna, &["b.example.internal"]).await;
    let why = Problem::new(ProblemKind::Caa, "forbidden by CAA");
    let fail = |id: String| {
        let event = event(EventKind::CertificateRefused, &id);
        let (store, why) = (bench.store.clone(), why.clone());
        async move { store.fail_order(&id, &why, event).await }
    };

    let first = fail(ready.id.clone()).await;
    let second = fail(ready.id.clone()).await;
    let early = fail(pending.id.clone()).await;

    first.unwrap();
    assert!(matches!(second, Err(StoreError::Conflict)));
    assert!(matches!(early, Err(StoreError::Conflict)));
    assert_eq!(bench.order(&ready.id).await.error, Some(why));
}

async fn pages_through_an_account_s_orders(bench: Bench) {
    let anna = bench.account("anna").await;
    let ben = bench.account("ben").await;
    bench.pending_order(&ben, &["a.example.internal"]).await;
    let mut placed = Vec::new();
    for _ in 0..5 {
        placed.push(bench.pending_order(&anna, &["a.example.internal"]).await.id);
        bench.clock.advance(std::time::Duration::from_secs(1));
    }
    let mut invalid = new_order(&anna, &["a.example.internal"], bench.now());
    invalid.order.expires_at = bench.now();
    bench.place(invalid).await;

    let mut seen = Vec::new();
    let mut cursor = None;
    let mut pages = 0;
    loop {
        let page = bench
            .store
            .orders_of("anna", cursor.as_deref(), 2)
            .await
            .unwrap();
        assert!(page.orders.len() <= 2);
        seen.extend(page.orders);
        pages += 1;
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }

    assert_eq!(seen, placed);
    assert_eq!(pages, 3);
}

async fn begins_at_the_first_page_for_a_cursor_it_did_not_make(bench: Bench) {
    let anna = bench.account("anna").await;
    let placed = bench.pending_order(&anna, &["a.example.internal"]).await;

    for cursor in ["", "x", ".", "-1", "1.\0", "99999999999999999999.x"] {
        let page = bench.store.orders_of("anna", Some(cursor), 2);
        assert_eq!(
            page.await.unwrap().orders,
            std::slice::from_ref(&placed.id),
            "{cursor:?}"
        );
    }
}

async fn counts_unfinished_orders_up_to_a_bound(bench: Bench) {
    let anna = bench.account("anna").await;
    let mut expired = new_order(&anna, &["a.example.internal"], bench.now());
    expired.order.expires_at = bench.now();
    bench.place(expired).await;
    let valid = bench.ready_order(&anna, &["b.example.internal"]).await;
    bench.certificate(Some(&valid)).await;
    bench.ready_order(&anna, &["c.example.internal"]).await;
    bench.pending_order(&anna, &["d.example.internal"]).await;
    bench.pending_order(&anna, &["e.example.internal"]).await;

    let all = bench.store.unfinished_orders("anna", 10).await.unwrap();
    let bounded = bench.store.unfinished_orders("anna", 2).await.unwrap();

    assert_eq!((all, bounded), (3, 2));
}
