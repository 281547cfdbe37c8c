//! A server that ends between two durable steps, and the one that starts after it.
//!
//! Real corridor, ACME service and store; the server's end takes its runtime away, so that nothing
//! finishes which had not. Each time the client must come to its certificate and the books must
//! balance.

mod books;
mod key;
mod ledger;
mod life;
mod stop;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ca_acme::ProblemKind;
use ca_acme::order::OrderStatus;
use ca_issuance::Actor;
use ca_pki::crl::RevocationReason;

use self::life::{History, Life, Patience};
use self::stop::{Moment, Step};
use crate::database::{Kind, on_both_databases};
use crate::world::refusal;

on_both_databases!(
    an_order_outlives_a_server_that_ends_after_placing_it,
    a_request_that_changed_something_is_not_taken_again,
    a_validation_outlives_a_server_that_ends_during_it,
    an_answer_not_yet_durable_may_be_sent_again,
    a_proof_outlives_a_server_that_ends_after_storing_it,
    an_end_before_the_intent_leaves_nothing,
    an_end_before_the_signature_burns_the_serial,
    an_end_before_the_result_burns_the_serial,
    an_end_after_the_result_leaves_the_certificate,
    an_end_before_a_failed_signature_is_burned_burns_it_later,
    an_end_after_a_failed_signature_was_burned_leaves_the_order_ready,
    an_end_before_a_revocation_leaves_the_certificate_good,
    a_revocation_is_published_by_the_next_server,
    a_crl_number_that_was_drawn_is_not_used_again,
    a_crl_that_was_stored_is_adopted,
    a_second_crash_on_the_same_order_burns_a_second_serial,
);

fn an_order_outlives_a_server_that_ends_after_placing_it(kind: Kind) {
    let (mut history, life) = served(kind, Patience::Endless);
    let order = life.run(life.place("a.example"));
    life.die();

    let life = history.boot(Patience::Endless);

    assert_eq!(life.run(life.read(&order.id)).status, OrderStatus::Pending);
    goes_on(&mut history, &life, &order.id);
}

fn a_request_that_changed_something_is_not_taken_again(kind: Kind) {
    let (mut history, life) = served(kind, Patience::Endless);
    let payload = r#"{"identifiers":[{"type":"dns","value":"a.example"}]}"#;
    let body = life.client.signs(payload);
    life.run(async {
        let request = life.client.sends_signed(&body).await.unwrap();
        life.world.acme.new_order(&request).await.unwrap();
    });
    life.die();

    let life = history.boot(Patience::Endless);
    let replayed = life.run(life.client.sends_signed(&body));

    assert_eq!(refusal(replayed).kind, ProblemKind::BadNonce);
}

fn a_validation_outlives_a_server_that_ends_during_it(kind: Kind) {
    let (mut history, life) = served(kind, Patience::None);
    life.world.validator.hold();
    let order = life.run(async {
        let order = life.place("a.example").await;
        life.prove(&order).await;
        order
    });
    life.die();

    let life = history.boot(Patience::Endless);
    life.run(life.world.settle());

    assert_eq!(life.run(life.read(&order.id)).status, OrderStatus::Ready);
    goes_on(&mut history, &life, &order.id);
}

fn an_answer_not_yet_durable_may_be_sent_again(kind: Kind) {
    let (mut history, life) = served(kind, Patience::Endless);
    life.world.validator.hold();
    let order = life.run(async {
        let order = life.place("a.example").await;
        let attempts = || life.world.validator.attempts.load(Ordering::SeqCst);
        let before = attempts();
        let asked = async {
            while attempts() == before {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = life.prove(&order) => panic!("the validation is held"),
            () = asked => {}
        }
        order
    });
    life.die();

    let life = history.boot(Patience::Endless);

    assert_eq!(life.run(life.read(&order.id)).status, OrderStatus::Pending);
    goes_on(&mut history, &life, &order.id);
}

fn a_proof_outlives_a_server_that_ends_after_storing_it(kind: Kind) {
    let (mut history, life) = served(kind, Patience::Endless);
    let order = ready(&life);
    life.die();

    let life = history.boot(Patience::Endless);

    assert_eq!(life.run(life.read(&order)).status, OrderStatus::Ready);
    goes_on(&mut history, &life, &order);
}

fn an_end_before_the_intent_leaves_nothing(kind: Kind) {
    let (mut history, life) = served(kind, Patience::Endless);
    let order = ready(&life);
    let finalize = life.run(life.finalize(&order, "a.example"));
    life.die_at(Moment::Before(Step::RecordIntent), finalize);

    let life = history.boot(Patience::Endless);

    assert_eq!(life.run(life.read(&order)).status, OrderStatus::Ready);
    goes_on(&mut history, &life, &order);
    assert_eq!(burned(&history, &life), 0);
}

fn an_end_before_the_signature_burns_the_serial(kind: Kind) {
    burns_one_serial_after(kind, Moment::After(Step::RecordIntent));
}

fn an_end_before_the_result_burns_the_serial(kind: Kind) {
    burns_one_serial_after(kind, Moment::Before(Step::RecordResult));
}

fn an_end_after_the_result_leaves_the_certificate(kind: Kind) {
    let (mut history, life) = served(kind, Patience::Endless);
    let order = ready(&life);
    let finalize = life.run(life.finalize(&order, "a.example"));
    life.die_at(Moment::After(Step::RecordResult), finalize);

    let life = history.boot(Patience::Endless);

    assert_eq!(life.run(life.read(&order)).status, OrderStatus::Valid);
    goes_on(&mut history, &life, &order);
    assert_eq!(burned(&history, &life), 0);
}

fn an_end_before_a_failed_signature_is_burned_burns_it_later(kind: Kind) {
    let (mut history, life) = served(kind, Patience::Endless);
    let order = ready(&life);
    let finalize = life.run(life.finalize(&order, "a.example"));
    history.key.go_away();
    life.die_at(Moment::Before(Step::Burn), finalize);
    history.key.come_back();

    let life = boot_and_settle(&mut history);

    assert_eq!(life.run(life.read(&order)).status, OrderStatus::Ready);
    goes_on(&mut history, &life, &order);
    assert_eq!(burned(&history, &life), 1);
}

fn an_end_after_a_failed_signature_was_burned_leaves_the_order_ready(kind: Kind) {
    let (mut history, life) = served(kind, Patience::Endless);
    let order = ready(&life);
    let finalize = life.run(life.finalize(&order, "a.example"));
    history.key.go_away();
    life.die_at(Moment::After(Step::Burn), finalize);
    history.key.come_back();

    let life = history.boot(Patience::Endless);

    assert_eq!(life.run(life.read(&order)).status, OrderStatus::Ready);
    goes_on(&mut history, &life, &order);
    assert_eq!(burned(&history, &life), 1);
}

fn an_end_before_a_revocation_leaves_the_certificate_good(kind: Kind) {
    let (mut history, life) = served(kind, Patience::Endless);
    let (corridor, serial) = (Arc::clone(&life.world.corridor), first(&history));
    life.die_at(Moment::Before(Step::Revoke), async move {
        revoke(&corridor, &serial).await;
    });

    let life = history.boot(Patience::Endless);

    history.balance(&life);
    assert_eq!(listed(&life), 0);
}

fn a_revocation_is_published_by_the_next_server(kind: Kind) {
    let (mut history, life) = served(kind, Patience::Endless);
    let (corridor, serial) = (Arc::clone(&life.world.corridor), first(&history));
    life.die_at(Moment::After(Step::Revoke), async move {
        revoke(&corridor, &serial).await;
    });

    let life = history.boot(Patience::Endless);

    assert_eq!(listed(&life), 1, "published before anything else is served");
    history.balance(&life);
}

fn a_crl_number_that_was_drawn_is_not_used_again(kind: Kind) {
    let (mut history, life) = served(kind, Patience::Endless);
    let before = crl_number(&life);
    die_publishing(&history, life, Moment::After(Step::DrawCrlNumber));

    let life = history.boot(Patience::Endless);

    assert_eq!(crl_number(&life), before + 2, "one number is left out");
    assert_eq!(listed(&life), 1);
    history.balance(&life);
}

fn a_crl_that_was_stored_is_adopted(kind: Kind) {
    let (mut history, life) = served(kind, Patience::Endless);
    let before = crl_number(&life);
    die_publishing(&history, life, Moment::After(Step::PublishCrl));

    let life = history.boot(Patience::Endless);

    assert_eq!(crl_number(&life), before + 1);
    assert_eq!(listed(&life), 1);
    history.balance(&life);
}

fn a_second_crash_on_the_same_order_burns_a_second_serial(kind: Kind) {
    let (mut history, life) = served(kind, Patience::Endless);
    let order = ready(&life);
    let finalize = life.run(life.finalize(&order, "a.example"));
    life.die_at(Moment::Before(Step::RecordResult), finalize);
    let life = boot_and_settle(&mut history);
    let finalize = life.run(life.finalize(&order, "a.example"));
    life.die_at(Moment::After(Step::RecordIntent), finalize);

    let life = boot_and_settle(&mut history);

    goes_on(&mut history, &life, &order);
    assert_eq!(burned(&history, &life), 2);
}

fn burns_one_serial_after(kind: Kind, moment: Moment) {
    let (mut history, life) = served(kind, Patience::Endless);
    let order = ready(&life);
    let finalize = life.run(life.finalize(&order, "a.example"));
    life.die_at(moment, finalize);

    let life = boot_and_settle(&mut history);

    assert_eq!(life.run(life.read(&order)).status, OrderStatus::Ready);
    goes_on(&mut history, &life, &order);
    assert_eq!(burned(&history, &life), 1);
}

/// A server that has issued a certificate before.
fn served(kind: Kind, patience: Patience) -> (History, Life) {
    let mut history = History::begin(kind);
    let life = history.boot(Patience::Endless);
    let certificate = life.run(life.obtain("first.example"));
    history.held.push(certificate);
    if patience == Patience::Endless {
        return (history, life);
    }
    life.die();
    let life = history.boot(patience);
    (history, life)
}

fn ready(life: &Life) -> String {
    let order = life.run(async {
        let order = life.place("a.example").await;
        life.prove(&order).await;
        order
    });
    order.id
}

/// Starts the next server and brings unfinished intents to an end: at once where it owns its
/// database alone, when their time is up where another server may still be signing.
fn boot_and_settle(history: &mut History) -> Life {
    if history.kind == Kind::Postgres {
        let early = history.boot(Patience::Endless);
        let forever = ca_pki::Timestamp::from_unix_secs(i64::MAX);
        let left = early.run(ca_issuance::Ledger::unfinished(&early.world.store, forever));
        assert_eq!(left.unwrap().len(), 1, "another server may still sign");
        early.die();
        history.ground.clock.advance(Duration::from_secs(60));
    }
    history.boot(Patience::Endless)
}

/// The client comes to its certificate, others come to theirs, and everything adds up.
fn goes_on(history: &mut History, life: &Life, order: &str) {
    let certificate = life.run(life.complete(order, "a.example"));
    history.held.push(certificate);
    let other = life.run(life.obtain("other.example"));
    history.held.push(other);
    history.balance(life);
}

fn burned(history: &History, life: &Life) -> usize {
    let sql = "SELECT 1 FROM certificate WHERE state = 'burned'";
    life.run(async {
        let aside = crate::database::Aside::of(&history.ground.url).await;
        let burned: Vec<i32> = aside.column(sql).await;
        aside.close().await;
        burned.len()
    })
}

fn first(history: &History) -> ca_pki::Serial {
    history.held[0].serial().clone()
}

async fn revoke(corridor: &Arc<ca_issuance::Corridor>, serial: &ca_pki::Serial) {
    let reason = RevocationReason::KeyCompromise;
    let revoked = corridor.revoke("tls", serial, reason, &Actor::System);
    revoked.await.unwrap();
}

fn die_publishing(history: &History, life: Life, moment: Moment) {
    life.run(revoke(&life.world.corridor, &first(history)));
    let publisher = Arc::clone(&life.publisher);
    life.die_at(moment, async move { publisher.refresh().await });
}

fn listed(life: &Life) -> usize {
    let current = life.publisher.current().unwrap();
    let crl = ca_pki::crl::Crl::parse(&current.crl.to_der()).unwrap();
    crl.revoked().len()
}

fn crl_number(life: &Life) -> u64 {
    life.publisher.current().unwrap().published.number
}
