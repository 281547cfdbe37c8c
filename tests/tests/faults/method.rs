//! Each method of the store's ports, with each of its statements made to fail: nothing is lost,
//! nothing half-done is left, and asking again ends well.
//!
//! Nothing here lists statements. On PostgreSQL a proxy counts them as they pass; on SQLite
//! triggers on every table of the schema tell which ones a method writes to. Methods are compared
//! with the text of the ports.

mod acme;
mod act;
mod audit;
mod identity;
mod lab;
mod ledger;
mod read;
mod rows;
mod trigger;

use std::collections::BTreeSet;

use ca_tests::is_long;

use self::act::{Act, Failure, Prepared};
use self::lab::Lab;
use self::rows::Rows;
use self::trigger::{Harm, Triggers};
use crate::chance::Chance;
use crate::proxy::Fault;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_that_is_refused_leaves_half_a_change() {
    every_statement_of_every_method(Fault::Refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_connection_that_ends_before_a_statement_leaves_half_a_change() {
    every_statement_of_every_method(Fault::LostBefore).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_that_is_lost_after_a_statement_leaves_half_a_change() {
    every_statement_of_every_method(Fault::LostAfter).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_table_that_refuses_leaves_half_a_change() {
    every_table_of_every_method(Harm::Statement).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_transaction_that_is_rolled_back_leaves_half_a_change() {
    every_table_of_every_method(Harm::Transaction).await;
}

#[test]
fn every_method_of_the_ports_is_tried() {
    let asked: BTreeSet<&str> = acts().iter().map(|act| act.method).collect();

    for (port, text) in PORTS {
        for method in methods(port, text) {
            assert!(asked.contains(method), "{port}::{method} is not tried");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_write_of_every_table_is_tried() {
    let (postgres, proxy) = Lab::on_postgres().await;
    let sqlite = Lab::on_sqlite().await;
    let triggers = Triggers::new(&sqlite).await;
    let mut sent = BTreeSet::new();
    let mut touched = BTreeSet::new();

    for act in acts() {
        let statements = postgres.statements(&act, &proxy).await;
        sent.extend(statements.iter().filter_map(|sql| write_of(sql)));
        touched.extend(triggers.touched_by(&sqlite, &act).await);
    }

    let missed: Vec<_> = sent.difference(&touched).collect();
    assert!(missed.is_empty(), "no act touches a row by {missed:?}");
    let tables: BTreeSet<&String> = touched.iter().map(|(_, table)| table).collect();
    for table in triggers.tables() {
        assert!(tables.contains(table), "nothing writes to {table}");
    }
}

/// Every case where the suites are long, else one of some, another one in each run.
struct Sample {
    chance: Chance,
    one_of: u64,
}

impl Sample {
    fn of_this_run() -> Self {
        let one_of = if is_long() { 1 } else { 6 };
        let chance = Chance::of_this_run();
        Self { chance, one_of }
    }

    fn takes_the_next(&mut self) -> bool {
        self.chance.below(self.one_of) == 0
    }
}

fn acts() -> Vec<Act> {
    [
        ledger::acts(),
        acme::acts(),
        identity::acts(),
        audit::acts(),
        read::acts(),
    ]
    .concat()
}

async fn every_statement_of_every_method(fault: Fault) {
    let (lab, proxy) = Lab::on_postgres().await;
    let mut sample = Sample::of_this_run();
    let mut tried = 0;
    for act in acts() {
        let whole = lab.reference(&act).await;
        for number in 0..lab.statements(&act, &proxy).await.len() {
            if !sample.takes_the_next() {
                continue;
            }
            let prepared = lab.prepare(&act).await;
            let before = lab.rows().await;
            proxy.arm(Some((number, fault)));
            let outcome = prepared.perform().await;
            let statements = proxy.disarm();
            let Some(statement) = statements.get(number) else {
                break;
            };
            let case = format!("{act:?}, {fault:?} at {number}: {statement}");
            let may_have_come_through = fault == Fault::LostAfter && is_durable_by(statement);
            judge(&case, &outcome, may_have_come_through);
            let between = lab.rows().await;
            nothing_is_half_done(&case, &act, &whole, &before.changed_to(&between));
            ends_well(&case, &lab, &prepared, &whole, (&before, &between)).await;
            tried += 1;
        }
    }
    println!("{tried} statements, {fault:?}");
}

async fn every_table_of_every_method(harm: Harm) {
    let lab = Lab::on_sqlite().await;
    let triggers = Triggers::new(&lab).await;
    let mut sample = Sample::of_this_run();
    let mut tried = 0;
    for act in acts() {
        let whole = lab.reference(&act).await;
        for write in triggers.touched_by(&lab, &act).await {
            if !sample.takes_the_next() {
                continue;
            }
            let prepared = lab.prepare(&act).await;
            let before = lab.rows().await;
            let broken = triggers.harm(&write, harm).await;
            let outcome = prepared.perform().await;
            broken.mend().await;
            let between = lab.rows().await;

            let case = format!("{act:?} without {write:?}, {harm:?}");
            assert_eq!(outcome, Err(Failure::Unavailable), "{case}");
            nothing_is_half_done(&case, &act, &whole, &before.changed_to(&between));
            ends_well(&case, &lab, &prepared, &whole, (&before, &between)).await;
            tried += 1;
        }
    }
    println!("{tried} writes, {harm:?}");
}

/// A failure says that the store is not available, and nothing else: callers act upon conflicts.
fn judge(case: &str, outcome: &Result<(), Failure>, may_have_come_through: bool) {
    match outcome {
        // It was tried again, or nobody needed it: a ping, a rollback.
        Ok(()) | Err(Failure::Unavailable) => {}
        // It came through, was tried again and found itself.
        Err(Failure::Conflict) if may_have_come_through => {}
        Err(failure) => panic!("{case}: {failure:?}"),
    }
}

fn nothing_is_half_done(
    case: &str,
    act: &Act,
    whole: &BTreeSet<String>,
    changed: &BTreeSet<String>,
) {
    let all_or_nothing = changed.is_empty() || changed == whole;
    assert!(all_or_nothing || act.is_piecewise(), "{case}: {changed:?}");
}

/// Whoever asks again gets what was asked for. If it came through, asking again may add to it:
/// another event, and a refresh token that is shown twice ends its session, for nobody knows that
/// its first answer was lost.
async fn ends_well(
    case: &str,
    lab: &Lab,
    prepared: &Prepared,
    whole: &BTreeSet<String>,
    (before, between): (&Rows, &Rows),
) {
    let again = prepared.perform().await;
    let changed = before.changed_to(&lab.rows().await);
    match before == between {
        true => assert_eq!((again, &changed), (Ok(()), whole), "{case}: asked again"),
        false => {
            let settled = matches!(again, Ok(()) | Err(Failure::Conflict));
            assert!(settled, "{case}: asked again: {again:?}");
            assert!(changed.is_superset(whole), "{case}: {changed:?}");
        }
    }
}

/// A write without a transaction is durable by itself: the nonce's.
fn is_durable_by(statement: &str) -> bool {
    statement == "COMMIT" || write_of(statement).is_some_and(|(_, table)| table == "redeemed_nonce")
}

/// Reads verb and table out of a statement that writes.
fn write_of(sql: &str) -> Option<(String, String)> {
    let (verb, rest) = ["INSERT INTO ", "UPDATE ", "DELETE FROM "]
        .iter()
        .find_map(|verb| Some((verb, sql.strip_prefix(verb)?)))?;
    let verb = verb.split(' ').next().unwrap_or_default();
    let table = rest.split('"').nth(1)?;
    Some((verb.to_owned(), table.to_owned()))
}

/// Reads the names of a port's methods out of its source.
fn methods<'a>(port: &str, text: &'a str) -> Vec<&'a str> {
    let (_, text) = text.split_once(&format!("pub trait {port}")).unwrap();
    let (text, _) = text.split_once("\n}").unwrap();
    let named = text.split("async fn ").skip(1);
    named.filter_map(|rest| rest.split('(').next()).collect()
}

const PORTS: [(&str, &str); 3] = [
    (
        "Ledger",
        include_str!("../../../ca-server/crates/issuance/src/ledger.rs"),
    ),
    (
        "AcmeStore",
        include_str!("../../../ca-server/crates/acme/src/store.rs"),
    ),
    (
        "IdentityStore",
        include_str!("../../../ca-server/crates/identity/src/store.rs"),
    ),
];
