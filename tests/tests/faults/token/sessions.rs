//! Sessions that end, logins that are lost, calls that fail, a token that is pulled out.

use ca_tests::is_long;

use super::trial::{Trial, expect_later};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_notices_that_another_program_ended_its_sessions() {
    let trial = Trial::with_sessions(1);
    trial.recovers().await;

    for what in ["close-sessions", "logout", "finalize"] {
        trial.token.set(&[&format!("C_Sign after {what} 1")]);
        let answer = trial.ask().await;

        assert_eq!(answer.status, 201, "{what}: {}", answer.text());
    }
    assert_eq!(trial.burned().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gets_over_any_call_that_fails() {
    let trial = Trial::with_sessions(1);
    let (calls, codes) = match is_long() {
        true => (&CALLS[..], &CODES[..]),
        false => (&CALLS[..3], &CODES[..1]),
    };

    for (call, code) in calls
        .iter()
        .flat_map(|call| codes.iter().map(move |code| (call, code)))
    {
        let rule = format!("{call} fail {code}");
        trial.token.set(&["C_Sign after close-sessions 1", &rule]);
        let refused = trial.ask().await;
        trial.token.clear();

        expect_later(&refused);
        trial.recovers().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signs_again_when_its_token_is_back_in_its_slot() {
    let trial = Trial::with_sessions(2);
    trial.recovers().await;

    trial.token.set(&["token gone"]);
    for _ in 0..8 {
        expect_later(&trial.ask().await);
    }
    let open = trial.breaker_is_open().await;
    trial.token.clear();

    assert!(open);
    trial.recovers().await;
}

const CALLS: [&str; 10] = [
    "C_Sign",
    "C_Login",
    "C_GetSlotList",
    "C_SignInit",
    "C_OpenSession",
    "C_FindObjectsInit",
    "C_FindObjects",
    "C_FindObjectsFinal",
    "C_GetAttributeValue",
    "C_GetTokenInfo",
];

/// CKR_DEVICE_ERROR, _HOST_MEMORY, _GENERAL_ERROR, _FUNCTION_FAILED, _SESSION_COUNT,
/// _DEVICE_REMOVED, and one of a vendor's own.
const CODES: [&str; 7] = ["0x30", "0x2", "0x5", "0x6", "0xb1", "0x32", "0x80000001"];
