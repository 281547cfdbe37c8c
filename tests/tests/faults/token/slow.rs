//! Tokens that take their time for each signature.

use std::time::{Duration, Instant};

use ca_tests::RawAcme;
use futures_util::future::join;

use super::trial::{Trial, expect_later};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signs_in_all_sessions_side_by_side() {
    let trial = Trial::waiting("10s", SIDE_BY_SIDE);
    trial.token.set(&["C_Sign delay 200"]);
    trial.recovers().await;
    let client = RawAcme::registered(&trial.ca).await;

    let begun = Instant::now();
    let nonces = async {
        let mut took = Vec::new();
        for _ in 0..20 {
            let asked = Instant::now();
            client.fresh_nonce().await;
            took.push(asked.elapsed());
        }
        took.sort();
        took
    };
    let (nonces, signed) = join(nonces, trial.ask_together(ASKED)).await;
    let took = begun.elapsed();

    for answer in signed {
        answer.expect_status(201);
    }
    let in_a_row = Duration::from_millis(200) * u32::try_from(ASKED).unwrap();
    let side_by_side = in_a_row / u32::try_from(SIDE_BY_SIDE).unwrap();
    assert!(took >= side_by_side, "{took:?}: nobody signs that fast");
    assert!(
        took < in_a_row,
        "{took:?}: one after the other takes {in_a_row:?}"
    );
    // Most of them: a busy machine may hold up a few.
    assert!(nonces[10] < Duration::from_millis(900), "{nonces:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turns_away_at_once_what_a_slow_token_would_not_sign_in_time() {
    let trial = Trial::with_sessions(1);
    trial.token.set(&["C_Sign delay 200"]);
    // Long enough to know how slow it is.
    for _ in 0..12 {
        trial.ask().await.expect_status(201);
    }

    let answers = trial.ask_together(40).await;

    let (signed, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == 201);
    assert!(
        !signed.is_empty() && !refused.is_empty(),
        "{}",
        signed.len()
    );
    refused.into_iter().for_each(expect_later);
    assert_eq!(trial.burned().await, [""; 0], "no serial was spent in vain");
    assert!(!trial.breaker_is_open().await, "slow is not broken");
}

const SIDE_BY_SIDE: i64 = 8;
const ASKED: usize = 48;
