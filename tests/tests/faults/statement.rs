//! A database that refuses single statements: requests answer 503, nothing half-done is left, and
//! the same request succeeds once the database does as it is told again.

mod act;
mod broken;

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use ca_tests::{RawAcme, TestCa, relying_party};

use self::act::Act;
use self::broken::{Broken, Rows, Statement};
use crate::database::{Aside, Kind, on_both_databases};
use crate::runtime;

on_both_databases!(
    registers_nobody_without_the_account,
    registers_nobody_without_the_event,
    changes_no_contact_without_the_account,
    deactivates_nothing_without_the_authorizations,
    places_no_order_without_the_order,
    places_no_order_without_its_authorizations,
    places_no_order_without_their_link,
    places_no_order_without_the_event,
    places_no_order_without_the_nonce,
    answers_no_challenge_without_the_authorization,
    spends_no_serial_without_the_certificate,
    spends_no_serial_without_the_order,
    issues_nothing_without_the_event,
    burns_the_serial_where_the_result_is_refused,
    burns_the_serial_where_the_event_of_the_result_is_refused,
    revokes_nothing_without_the_certificate,
    revokes_nothing_without_the_count,
    revokes_nothing_without_the_event,
    stores_a_proof_when_the_order_can_follow,
    publishes_a_crl_as_soon_as_it_can_be_stored,
);

fn registers_nobody_without_the_account(kind: Kind) {
    refuses_until_mended(kind, Statement::insert("account"), Act::Register);
}

fn registers_nobody_without_the_event(kind: Kind) {
    refuses_until_mended(kind, Statement::insert("audit_event"), Act::Register);
}

fn changes_no_contact_without_the_account(kind: Kind) {
    refuses_until_mended(kind, Statement::update("account"), Act::ChangeContact);
}

fn deactivates_nothing_without_the_authorizations(kind: Kind) {
    refuses_until_mended(kind, Statement::update("authorization"), Act::Deactivate);
}

fn places_no_order_without_the_order(kind: Kind) {
    refuses_until_mended(kind, Statement::insert("acme_order"), Act::PlaceOrder);
}

fn places_no_order_without_its_authorizations(kind: Kind) {
    refuses_until_mended(kind, Statement::insert("authorization"), Act::PlaceOrder);
}

fn places_no_order_without_their_link(kind: Kind) {
    let statement = Statement::insert("order_authorization");
    refuses_until_mended(kind, statement, Act::PlaceOrder);
}

fn places_no_order_without_the_event(kind: Kind) {
    refuses_until_mended(kind, Statement::insert("audit_event"), Act::PlaceOrder);
}

fn places_no_order_without_the_nonce(kind: Kind) {
    refuses_until_mended(kind, Statement::insert("redeemed_nonce"), Act::PlaceOrder);
}

fn answers_no_challenge_without_the_authorization(kind: Kind) {
    let statement = Statement::update("authorization");
    refuses_until_mended(kind, statement, Act::AnswerChallenge);
}

fn spends_no_serial_without_the_certificate(kind: Kind) {
    refuses_until_mended(kind, Statement::insert("certificate"), Act::Finalize);
}

fn spends_no_serial_without_the_order(kind: Kind) {
    refuses_until_mended(kind, Statement::update("acme_order"), Act::Finalize);
}

fn issues_nothing_without_the_event(kind: Kind) {
    refuses_until_mended(kind, Statement::insert("audit_event"), Act::Finalize);
}

fn revokes_nothing_without_the_certificate(kind: Kind) {
    refuses_until_mended(kind, Statement::update("certificate"), Act::Revoke);
}

fn revokes_nothing_without_the_count(kind: Kind) {
    refuses_until_mended(kind, Statement::insert("issuer_counter"), Act::Revoke);
}

fn revokes_nothing_without_the_event(kind: Kind) {
    refuses_until_mended(kind, Statement::insert("audit_event"), Act::Revoke);
}

fn burns_the_serial_where_the_result_is_refused(kind: Kind) {
    let statement = Statement::update("certificate").when("NEW.state = 'valid'");
    burns_the_serial(kind, statement);
}

fn burns_the_serial_where_the_event_of_the_result_is_refused(kind: Kind) {
    let statement = Statement::insert("audit_event").when("NEW.kind = 'certificate.issued'");
    burns_the_serial(kind, statement);
}

/// The statement fails, the request answers 503, no row differs; mended, the request succeeds.
fn refuses_until_mended(kind: Kind, statement: Statement, act: Act) {
    let ca = served(kind);
    runtime().block_on(async {
        let aside = Aside::of(&ca.database_url()).await;
        let scene = act.prepare(&ca).await;
        let before = Rows::read(&aside).await;

        let broken = Broken::begin(&aside, kind, statement).await;
        let refused = scene.send().await;
        let between = Rows::read(&aside).await;
        broken.mend().await;
        let accepted = scene.send().await;
        scene.ends().await;

        let retry_after = refused.header("retry-after").map(str::to_owned);
        refused.expect_problem(503, "serverInternal");
        assert!(retry_after.is_some(), "clients are told when to ask again");
        assert_eq!(before, between);
        assert!((200..300).contains(&accepted.status), "{}", accepted.text());
        aside.close().await;
    });
}

/// The intent is durable, its result is not: nobody gets the certificate, the serial is burned,
/// and the order takes another finalize.
fn burns_the_serial(kind: Kind, statement: Statement) {
    let ca = served(kind);
    runtime().block_on(async {
        let aside = Aside::of(&ca.database_url()).await;
        let scene = Act::Finalize.prepare(&ca).await;
        let burned = "SELECT COUNT(*) FROM certificate WHERE state = 'burned'";
        let unfinished = "SELECT COUNT(*) FROM certificate WHERE state = 'intended'";
        let before: Vec<i64> = aside.column(burned).await;

        let broken = Broken::begin(&aside, kind, statement).await;
        let refused = scene.send().await;
        broken.mend().await;
        let after: Vec<i64> = aside.column(burned).await;
        let left: Vec<i64> = aside.column(unfinished).await;
        let accepted = scene.send().await;

        refused.expect_problem(503, "serverInternal");
        assert_eq!(after[0], before[0] + 1);
        assert_eq!(left[0], 0);
        let order = accepted.expect_status(200).json();
        assert_eq!(order["status"], "valid", "{order}");
        aside.close().await;
    });
}

fn stores_a_proof_when_the_order_can_follow(kind: Kind) {
    let ca = served(kind);
    runtime().block_on(async {
        let aside = Aside::of(&ca.database_url()).await;
        let scene = Act::AnswerChallenge.prepare(&ca).await;

        let broken = Broken::begin(&aside, kind, Statement::update("acme_order")).await;
        let answered = scene.send().await;
        let meanwhile = scene.client.read(scene.resource()).send().await;
        broken.mend().await;
        let proven = scene.client.wait_while(scene.resource(), "pending").await;

        assert!(answered.status == 200 || answered.status == 503);
        assert_eq!(meanwhile.member("status"), "pending");
        assert_eq!(proven["status"], "valid", "{proven}");
        aside.close().await;
    });
}

fn publishes_a_crl_as_soon_as_it_can_be_stored(kind: Kind) {
    let ca = served(kind);
    runtime().block_on(async {
        let aside = Aside::of(&ca.database_url()).await;
        let client = RawAcme::registered(&ca).await;
        let issued = client.obtain(&["listed.example.internal"]).await;

        let broken = Broken::begin(&aside, kind, Statement::insert("crl")).await;
        let revoked = client.revoke(&issued.leaf_der(), Some(1)).await;
        let ocsp = relying_party::ocsp(&ca, &issued.chain_pem, &[]);
        let unlisted = relying_party::crl_text(&ca, "tls").await;
        broken.mend().await;

        revoked.expect_status(200);
        assert!(ocsp.contains(": revoked"), "{ocsp}");
        assert!(!unlisted.contains(&issued.serial()), "{unlisted}");
        crate::eventually(async || {
            let text = relying_party::crl_text(&ca, "tls").await;
            text.contains(&issued.serial())
        })
        .await;
        aside.close().await;
    });
}

/// One server for each database; a broken statement breaks it for everybody.
fn served(kind: Kind) -> MutexGuard<'static, TestCa> {
    static SQLITE: LazyLock<Mutex<TestCa>> = LazyLock::new(|| Mutex::new(TestCa::quickstart()));
    static POSTGRES: LazyLock<Mutex<TestCa>> =
        LazyLock::new(|| Mutex::new(TestCa::builder().on_postgres().start()));
    let ca = match kind {
        Kind::Sqlite => &SQLITE,
        Kind::Postgres => &POSTGRES,
    };
    ca.lock().unwrap_or_else(PoisonError::into_inner)
}
