//! A module that answers, and wrongly.

use ca_tests::{is_long, relying_party};

use super::trial::{Trial, expect_later};
use crate::database::Aside;
use crate::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lets_no_wrong_signature_out_and_asks_no_more_for_them() {
    let trial = Trial::with_sessions(2);
    let other = trial.ca.command(
        &OTHER_KEY_ARGUMENTS
            .map(|argument| match argument {
                KEY => other_key(&trial),
                OUT => trial.ca.folder().join("other.csr").display().to_string(),
                other => other.to_owned(),
            })
            .each_ref()
            .map(String::as_str),
    );
    assert!(other.status.success(), "{other:?}");
    let lies = if is_long() { &LIES[..] } else { &LIES[..2] };

    for lie in lies {
        trial.recovers().await;
        let issued = issued(&trial).await;
        let burned = trial.burned().await.len();

        trial.token.set(&[lie]);
        for _ in 0..ASKED {
            expect_later(&trial.ask().await);
        }
        let spent = trial.burned().await.len() - burned;

        assert_eq!(self::issued(&trial).await, issued, "{lie}: nothing left");
        assert!(
            (1..=ASKED / 2).contains(&spent),
            "{lie}: {spent} serials of {ASKED}"
        );
        assert!(trial.breaker_is_open().await, "{lie}");
        trial.token.clear();
    }

    trial.recovers().await;
    let burned = trial.burned().await;
    eventually(async || {
        let crl = relying_party::crl_text(&trial.ca, "tls").await;
        burned.iter().all(|serial| crl.contains(serial.as_str()))
    })
    .await;
}

/// Counts the certificates that anybody can have.
async fn issued(trial: &Trial) -> i64 {
    let aside = Aside::of(&trial.ca.database_url()).await;
    let sql = "SELECT COUNT(*) FROM certificate WHERE state = 'valid' AND profile = 'tls-server'";
    let issued = aside.column(sql).await;
    aside.close().await;
    issued[0]
}

/// Names a second key of the same token.
fn other_key(trial: &Trial) -> String {
    let config = trial.ca.config();
    let key = config["issuer"][0]["key"].as_str().unwrap();
    key.replace("object=tls", "object=other")
}

const LIES: [&str; 6] = [
    "signature garbage",
    "signature other-key",
    "signature length 3",
    "signature length 0",
    "signature length 200",
    // More than there is memory: whoever asks for that much of it panics.
    "signature length 18446744073709551615",
];
const KEY: &str = "KEY";
const OUT: &str = "OUT";
const OTHER_KEY_ARGUMENTS: [&str; 10] = [
    "issuer",
    "request",
    "--name",
    "tls",
    "--key",
    KEY,
    "--subject",
    "CN=Other",
    "--out",
    OUT,
];
const ASKED: usize = 20;
