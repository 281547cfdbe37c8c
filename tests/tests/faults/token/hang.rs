//! A module that takes a call and does not come back.

use std::time::{Duration, Instant};

use ca_tests::{RawAcme, is_long};

use super::trial::{Trial, expect_later};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_in_time_and_goes_on_while_its_module_hangs() {
    let trial = Trial::with_sessions(SESSIONS);
    let client = RawAcme::registered(&trial.ca).await;
    let first = client.obtain(&["first.example.internal"]).await;
    trial.recovers().await;

    trial.token.set(&["C_Sign hang"]);
    refuses_in_time(&trial).await;
    trial.goes_on(&client, &first).await;
    let readiness = trial.readiness().await;
    let burned = trial.burned().await.len();
    trial.token.clear();

    assert_eq!(readiness["degraded"], true, "{readiness}");
    // Each takes a place before it spends a serial; what takes none is the CRL.
    assert!(burned <= 2 * ASKED, "{burned}");
    trial.recovers().await;
    assert_eq!(trial.readiness().await["degraded"], false);
    trial.ca.wait_for_log("the signer works again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gets_over_a_module_that_hangs_in_any_call() {
    let trial = Trial::with_sessions(SESSIONS);
    let most = if is_long() { HANGING.len() } else { 1 };

    for call in HANGING.iter().take(most) {
        let rule = format!("{call} hang");
        trial.token.set(&["C_Sign after close-sessions 1", &rule]);
        refuses_in_time(&trial).await;
        trial.token.clear();

        trial.recovers().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ends_in_bounded_time_when_asked_to_while_its_module_hangs() {
    let trial = Trial::with_sessions(SESSIONS);
    trial.token.set(&["C_Sign hang"]);
    expect_later(&trial.ask().await);

    let asked = Instant::now();
    let code = trial.ca.stop();
    let took = asked.elapsed();

    assert_eq!(code, 0, "{}", trial.ca.log());
    assert!(took < Duration::from_secs(40), "it took {took:?}");
}

/// Asks more than the sessions take, and more than open the breaker.
async fn refuses_in_time(trial: &Trial) {
    let begun = Instant::now();
    let answers = trial.ask_together(ASKED).await;
    let took = begun.elapsed();
    let at_once = trial.ask().await;
    let threads = trial.threads_for_tokens();

    answers.iter().for_each(expect_later);
    // The deadline is a second; the rest is for a machine with other work.
    assert!(took < Duration::from_secs(10), "{took:?}");
    expect_later(&at_once);
    assert!(trial.breaker_is_open().await);
    assert_eq!(
        threads,
        usize::try_from(SESSIONS).unwrap(),
        "one each, however many ask"
    );
}

/// Calls that a thread makes for a new session.
const HANGING: [&str; 7] = [
    "C_OpenSession",
    "C_SignInit",
    "C_Login",
    "C_FindObjectsInit",
    "C_FindObjects",
    "C_GetSlotList",
    "C_GetTokenInfo",
];
const SESSIONS: i64 = 2;
const ASKED: usize = 12;
