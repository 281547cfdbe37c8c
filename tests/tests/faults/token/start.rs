//! Starts while the token is away, hangs, or does not take the PIN.

use std::fs;
use std::time::{Duration, Instant};

use ca_tests::server::TestCaBuilder;
use ca_tests::token::Module;
use ca_tests::{RawAcme, TestCa, is_long};

use super::trial::{Trial, expect_later};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starts_without_its_token_and_issues_when_that_is_back() {
    let trial = Trial::of(keeping_its_certificate().start());
    let client = RawAcme::registered(&trial.ca).await;
    let first = client.obtain(&["first.example.internal"]).await;

    trial.token.set(&["token gone"]);
    trial.ca.restart();
    let trial = Trial::of(trial.ca);
    let client = RawAcme::registered(&trial.ca).await;
    let order = client.order(&["without.example.internal"]).await;
    let order = client.prove(&order).await;
    let refused = trial.ask().await;
    let revoked = client.revoke(&first.leaf_der(), None).await.status;
    let crl = ca_tests::relying_party::crl_text(&trial.ca, "tls").await;
    let readiness = trial.readiness().await;
    trial.token.clear();

    assert_eq!(order.status(), "ready");
    expect_later(&refused);
    assert_eq!(revoked, 403, "another account's, and the door works");
    assert!(crl.contains("CRL Number"), "{crl}");
    assert_eq!(readiness["degraded"], true, "{readiness}");
    trial.recovers().await;
    let answer = client.complete(&order, &["without.example.internal"]).await;
    assert!(!answer.chain_pem.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starts_though_its_module_hangs_and_issues_when_released() {
    for call in ["C_Initialize", "C_GetSlotList"] {
        let trial = Trial::of(keeping_its_certificate().start());
        trial.token.set(&[&format!("{call} hang")]);
        trial.ca.restart();
        let trial = Trial::of(trial.ca);

        expect_later(&trial.ask().await);
        trial.token.clear();

        trial.recovers().await;
        if !is_long() {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn does_not_start_for_the_first_time_without_its_token() {
    if !is_long() {
        return;
    }
    let ca = TestCa::builder().with_faulty_token().prepare();
    ca.token_control().set(&["C_Initialize hang"]);

    let begun = Instant::now();
    let ended = ca.try_start();

    assert_eq!(ended, Err(5), "{}", ca.log());
    assert!(
        begun.elapsed() < Duration::from_secs(50),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_locks_a_token_however_often_it_starts_with_a_wrong_pin() {
    // It seals with a key in the token, too, and that is opened again and again.
    let ca = keeping_its_certificate().with_audit_key_in(Module::Faulty);
    let trial = Trial::of(ca.start());
    let pin = trial.ca.token_folder().join("pin");
    let right = fs::read(&pin).unwrap();
    trial.token.set(&["pin tries 3"]);
    fs::write(&pin, "0000").unwrap();

    trial.ca.restart();
    let trial = Trial::of(trial.ca);
    for _ in 0..10 {
        expect_later(&trial.ask().await);
    }
    let after_one_start = trial.token.wrong_pins();
    fs::write(&pin, &right).unwrap();
    trial.recovers().await;
    let forgiven = trial.token.wrong_pins();
    fs::write(&pin, "0000").unwrap();
    for _ in 0..4 {
        trial.ca.restart();
    }
    let after_many_starts = trial.token.wrong_pins();

    assert_eq!((after_one_start, forgiven), (1, 0));
    assert_eq!(after_many_starts, 2, "the last try is its operator's");
    trial.ca.wait_for_log("one more wrong PIN locks the token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn says_to_its_supervisor_that_another_start_would_use_up_a_try() {
    let ca = TestCa::builder().with_faulty_token().prepare();
    fs::write(ca.token_folder().join("pin"), "0000").unwrap();

    let ended = ca.try_start();

    assert_eq!(ended, Err(8), "{}", ca.log());
}

pub(crate) fn keeping_its_certificate() -> TestCaBuilder {
    TestCa::builder()
        .with_faulty_token()
        .set("server.tls_file", "server-tls.pem")
        .set("issuer.0.signing_deadline", "1s")
        .set("issuer.0.sessions", 2)
}
