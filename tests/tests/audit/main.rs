//! The audit log as auditors meet it: verified, kept, exported, handed on, and out of reach of
//! whoever writes to the database.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod aside;
mod database;
mod export;
mod keys;
mod receiver;
mod verify;

use std::process::Output;

use ca_tests::{RawAcme, TestCa};

use crate::aside::Aside;
use crate::database::Kind;

/// Serves until some events happened, then stops; stopping seals.
async fn with_events(kind: Kind) -> TestCa {
    let ca = kind.builder().start();
    happen(&ca).await;
    ca
}

/// Lets something happen on a CA that serves, then stops it.
async fn happen(ca: &TestCa) {
    let client = RawAcme::registered(ca).await;
    client.obtain(&["audited.example.internal"]).await;
    assert_eq!(ca.stop(), 0, "{}", ca.log());
}

/// Runs `audit verify` and returns its exit code and what it said.
fn verify(ca: &TestCa, arguments: &[&str]) -> (Option<i32>, String) {
    let output = ca.command(&[&["audit", "verify"], arguments].concat());
    (output.status.code(), said(&output))
}

/// Runs a command that must succeed and returns what it printed.
fn printed(ca: &TestCa, arguments: &[&str]) -> String {
    let output = ca.command(arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn said(output: &Output) -> String {
    let both = [output.stdout.clone(), output.stderr.clone()].concat();
    String::from_utf8_lossy(&both).into_owned()
}

/// Does what whoever writes to the database could do.
async fn tamper(ca: &TestCa, statements: &[&str]) {
    let aside = Aside::of(ca).await;
    for statement in statements {
        aside.execute(statement).await;
    }
    aside.close().await;
}
