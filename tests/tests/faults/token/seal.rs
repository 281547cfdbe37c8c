//! The key that seals the audit log, in a token that is away or hangs at the start.

use std::fs;

use ca_tests::token::Module;
use ca_tests::{RawAcme, TestCa, is_long};

use super::Away;
use super::trial::Trial;
use crate::database::Aside;
use crate::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seals_without_a_restart_when_a_token_that_only_its_audit_key_uses_comes_back() {
    let ca = sealing_with(Module::Real);

    let away = Away::take(&ca);
    // The module finds its folder, and no token: it does not look again by itself.
    fs::create_dir(&away.home).unwrap();
    ca.start();
    let process = ca.process_id();
    ca.wait_for_log("the audit log is not sealed until its key is there");
    RawAcme::registered(&ca).await;
    let before = unsealed(&ca).await;
    away.bring_back();

    assert!(before > 0, "nothing waits for the key");
    eventually(async || unsealed(&ca).await == 0).await;
    assert_eq!(ca.process_id(), process, "nothing restarts");
    verifies(&ca);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn has_one_thread_hang_however_often_it_tries_to_seal() {
    if !is_long() {
        return;
    }
    for call in ["C_Initialize", "C_GetSlotList"] {
        let ca = sealing_with(Module::Faulty);
        ca.token_control().set(&[&format!("{call} hang")]);
        ca.start();
        let trial = Trial::of(ca);
        RawAcme::registered(&trial.ca).await;

        let refused = ["the audit log is not sealed, trying again"];
        trial.ca.wait_for_log_of(&refused);
        let threads = trial.threads_for_tokens();
        let logins = trial.token.calls("C_Login");
        trial.token.clear();

        assert_eq!(threads, 1, "{call}");
        eventually(async || unsealed(&trial.ca).await == 0).await;
        let logins = trial.token.calls("C_Login") - logins;
        // That which hung, and one for each session of the key.
        assert!(logins <= 3, "{call}: {logins}");
        verifies(&trial.ca);
    }
}

/// Makes one that served once, with an audit key in a token that it uses for nothing else.
fn sealing_with(module: Module) -> TestCa {
    let ca = TestCa::builder()
        .with_audit_key_in(module)
        .set("server.tls_file", "server-tls.pem")
        .start();
    assert_eq!(ca.stop(), 0, "{}", ca.log());
    ca
}

async fn unsealed(ca: &TestCa) -> i64 {
    let aside = Aside::of(&ca.database_url()).await;
    let sql = "SELECT count(*) FROM audit_event WHERE position IS NULL";
    let count: Vec<i64> = aside.column(sql).await;
    aside.close().await;
    count[0]
}

fn verifies(ca: &TestCa) {
    assert_eq!(ca.stop(), 0, "{}", ca.log());
    let verified = ca.command(&["audit", "verify"]);
    assert!(verified.status.success(), "{verified:?}");
}
