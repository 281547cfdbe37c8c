//! One matrix of refusals: each reason to refuse, at every door.
//!
//! A cell asks for its own name, as somebody of its own, from an address of its own. In every row
//! the request is the same, and exactly one thing about it or its grant is wrong. The first row has
//! nothing wrong: there the same requests succeed.

mod cell;
mod door;
mod row;

use crate::broken::{Broken, Statement};
use crate::database::{Aside, Kind, on_both_databases};
use crate::world::{World, run};
use cell::Cell;
use door::Door;
use row::Row;

pub(crate) use row::grants;

on_both_databases!(
    gives_what_a_grant_allows,
    refuses_whoever_has_no_grant,
    refuses_what_a_grant_gave_until_it_ended,
    refuses_what_a_grant_is_used_up_for,
    refuses_names_that_no_grant_covers,
    refuses_a_profile_that_no_grant_allows,
    refuses_a_network_that_no_grant_allows,
    refuses_a_credential_that_was_taken_back,
    refuses_everything_while_no_event_can_be_written,
);

fn gives_what_a_grant_allows(kind: Kind) {
    run(judge(World::shared(kind), Row::Granted));
}

fn refuses_whoever_has_no_grant(kind: Kind) {
    run(judge(World::shared(kind), Row::NoGrant));
}

fn refuses_what_a_grant_gave_until_it_ended(kind: Kind) {
    run(judge(World::shared(kind), Row::ExpiredGrant));
}

fn refuses_what_a_grant_is_used_up_for(kind: Kind) {
    run(async {
        let world = World::shared(kind);
        for door in [Door::CiToken, Door::Client, Door::Certificate] {
            let first = Cell::new(Row::UsedUpGrant, door).named("first");
            let asked = first.prepare(world).await.ask().await;
            assert_eq!(asked.status, 201, "{first:?}: {}", asked.text());
        }

        judge(world, Row::UsedUpGrant).await;
    });
}

fn refuses_names_that_no_grant_covers(kind: Kind) {
    run(judge(World::shared(kind), Row::WrongNames));
}

fn refuses_a_profile_that_no_grant_allows(kind: Kind) {
    run(judge(World::shared(kind), Row::WrongProfile));
}

fn refuses_a_network_that_no_grant_allows(kind: Kind) {
    run(judge(World::shared(kind), Row::WrongNetwork));
}

fn refuses_a_credential_that_was_taken_back(kind: Kind) {
    run(judge(World::shared(kind), Row::RevokedCredential));
}

/// Asks at each door and collects what is not as it should be.
async fn judge(world: &World, row: Row) {
    let mut wrong = Vec::new();
    for door in Door::ALL {
        let cell = Cell::new(row, door);
        let ready = cell.prepare(world).await;
        let before = world.states(&cell.asked_name()).await;

        let answer = ready.ask().await;

        wrong.extend(cell.misjudged(&answer));
        let mut expected = before;
        if row == Row::Granted {
            expected.push("valid".to_owned());
        } else {
            wrong.extend(cell.unwritten(world, &ready).await);
        }
        let after = world.states(&cell.asked_name()).await;
        if after != expected {
            wrong.push(format!("{cell:?}: {after:?} in the store"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The last row breaks the server for everybody, so it has one of its own. Everybody has shown
/// their credential before, so that the issuance itself is what cannot be written down; afterwards
/// the very same requests succeed.
fn refuses_everything_while_no_event_can_be_written(kind: Kind) {
    let world = World::start(kind);
    run(async {
        let mut asking = Vec::new();
        for door in Door::ALL {
            let cell = Cell::new(Row::AuditDown, door);
            asking.push((cell, cell.prepare(&world).await));
        }
        let aside = Aside::of(&world.ca.database_url()).await;
        let before = Books::read(&aside).await;

        let broken = Broken::begin(&aside, kind, Statement::insert("audit_event")).await;
        let mut refused = Vec::new();
        for (_, ready) in &asking {
            refused.push(ready.ask().await);
        }
        let between = Books::read(&aside).await;
        broken.mend().await;

        let mut wrong = Vec::new();
        for ((cell, ready), refused) in asking.iter().zip(&refused) {
            wrong.extend(cell.misjudged(refused));
            let healed = ready.ask().await;
            wrong.extend(Cell::new(Row::Granted, cell.door).misjudged(&healed));
        }
        assert_eq!(before, between);
        assert!(wrong.is_empty(), "{wrong:#?}");
        aside.close().await;
    });
}

/// What a refusal that cannot be written down leaves as it was.
#[derive(Debug, PartialEq, Eq)]
struct Books(Vec<Vec<String>>);

impl Books {
    async fn read(aside: &Aside) -> Self {
        let mut books = Vec::new();
        for sql in BOOKS {
            books.push(aside.column(sql).await);
        }
        Self(books)
    }
}

const BOOKS: [&str; 6] = [
    "SELECT state || identifiers AS told FROM certificate ORDER BY told",
    "SELECT grant_name || '=' || used AS told FROM grant_use ORDER BY told",
    "SELECT id || status AS told FROM acme_order ORDER BY told",
    "SELECT id AS told FROM session ORDER BY told",
    "SELECT actor || key AS told FROM idempotency_key ORDER BY told",
    "SELECT kind || subject AS told FROM audit_event WHERE kind <> 'crl.published' ORDER BY told",
];
