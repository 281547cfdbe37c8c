//! A token under a serving program: its files are gone for a while, or its module misbehaves.

mod hang;
mod lies;
mod seal;
mod sessions;
mod slow;
pub(crate) mod start;
pub(crate) mod trial;

use std::fs;
use std::path::PathBuf;

use ca_tests::acme::Issued;
use ca_tests::csr::Request;
use ca_tests::{RawAcme, TestCa, openssl, relying_party};

use crate::database::Aside;
use crate::eventually;

/// A token's folder that is somewhere else until it is brought back.
struct Away {
    home: PathBuf,
    elsewhere: PathBuf,
}

impl Away {
    fn take(ca: &TestCa) -> Self {
        let home = ca.folder().join("token").join("tokens");
        let elsewhere = home.with_extension("away");
        fs::rename(&home, &elsewhere).unwrap();
        Self { home, elsewhere }
    }

    fn bring_back(self) {
        fs::rename(self.elsewhere, self.home).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn issues_again_without_a_restart_when_its_token_comes_back() {
    let ca = TestCa::builder().with_token().start();
    let client = RawAcme::registered(&ca).await;
    let first = client.obtain(&[NAME]).await;
    let process = ca.process_id();
    let order = client.order(&["later.example.internal"]).await;

    let away = Away::take(&ca);
    let order = client.prove(&order).await;
    let csr = Request::for_names(&["later.example.internal"]).der;
    let refused = client.finalize(&order, &csr).await;
    let between = client.refresh(&order).await;
    goes_on_without_a_token(&ca, &client, &first).await;
    away.bring_back();

    let retry_after = refused.header("retry-after").map(str::to_owned);
    refused.expect_problem(503, "serverInternal");
    assert!(retry_after.is_some(), "clients are told when to ask again");
    assert_eq!(between.status(), "ready", "the same order goes on");
    eventually(async || client.finalize(&order, &csr).await.status == 200).await;
    let order = client.refresh(&order).await;
    openssl::verify_chain(&ca.root_file(), &client.download(&order).await);
    assert_eq!(ca.process_id(), process);
    everything_is_listed(&ca, &first).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn does_not_spend_a_serial_for_each_request_while_its_token_is_away() {
    let ca = TestCa::builder().with_token().start();
    let client = RawAcme::registered(&ca).await;
    let order = client.order(&[NAME]).await;
    let order = client.prove(&order).await;
    let csr = Request::for_names(&[NAME]).der;

    let away = Away::take(&ca);
    for _ in 0..REQUESTS {
        let refused = client.finalize(&order, &csr).await;
        refused.expect_problem(503, "serverInternal");
    }
    let burned = burned(&ca).await.len();
    away.bring_back();

    assert!(burned <= REQUESTS / 3, "{burned} of {REQUESTS}");
    eventually(async || client.finalize(&order, &csr).await.status == 200).await;
}

/// Validation is shown by the order, which became ready.
async fn goes_on_without_a_token(ca: &TestCa, client: &RawAcme<'_>, first: &Issued) {
    let good = relying_party::ocsp(ca, &first.chain_pem, &[]);
    let revoked = client.revoke(&first.leaf_der(), Some(4)).await;
    let bad = relying_party::ocsp(ca, &first.chain_pem, &[]);
    let crl = relying_party::crl_text(ca, "tls").await;

    assert!(good.contains(": good"), "{good}");
    revoked.expect_status(200);
    assert!(bad.contains(": revoked"), "{bad}");
    assert!(!crl.contains(&first.serial()), "nobody can have signed it");
}

/// What was revoked and burned meanwhile is in a CRL as soon as one can be signed.
async fn everything_is_listed(ca: &TestCa, first: &Issued) {
    let mut serials = burned(ca).await;
    assert!(!serials.is_empty(), "an intent was recorded");
    serials.push(first.serial());
    eventually(async || {
        let crl = relying_party::crl_text(ca, "tls").await;
        serials.iter().all(|serial| crl.contains(serial.as_str()))
    })
    .await;
}

async fn burned(ca: &TestCa) -> Vec<String> {
    let aside = Aside::of(&ca.database_url()).await;
    let sql = "SELECT serial FROM certificate WHERE state = 'burned'";
    let burned: Vec<Vec<u8>> = aside.column(sql).await;
    aside.close().await;
    let hexadecimal = |octets: &Vec<u8>| octets.iter().map(|one| format!("{one:02X}")).collect();
    burned.iter().map(hexadecimal).collect()
}

/// Many more than open the signer's breaker.
const REQUESTS: usize = 45;

const NAME: &str = "first.example.internal";
