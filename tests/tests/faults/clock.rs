//! A system clock that is set under a running server, or wrong when one starts.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ca_tests::clock::FakeClock;
use ca_tests::server::TestCaBuilder;
use ca_tests::{RawAcme, TestCa, is_long, openssl, relying_party};

use crate::database::Aside;
use crate::eventually;
use crate::token::start::keeping_its_certificate;
use crate::token::trial::{Trial, expect_later};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goes_on_while_its_clock_is_set_by_minutes() {
    let (clock, ca) = with_clock(TestCa::builder());
    let client = RawAcme::registered(&ca).await;
    let first = client.obtain(&["first.example.internal"]).await;

    for (offset, name) in [("+4m", "ahead"), ("-4m", "behind"), ("+0", "right")] {
        let told = count(&ca, SET);
        clock.set(offset);
        eventually(async || count(&ca, SET) > told).await;
        let issued = client.obtain(&[&format!("{name}.example.internal")]).await;
        let answer = relying_party::ocsp(&ca, &first.chain_pem, &[]);

        // What is made ahead of time is of use when that comes.
        if offset != "+4m" {
            openssl::verify_chain(&ca.root_file(), &issued.chain_pem);
        }
        assert!(answer.contains(": good"), "{offset}: {answer}");
        assert!(!answer.contains("invalid"), "{offset}: {answer}");
    }
    log_is_whole(&ca);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn comes_back_from_another_year_with_all_that_it_had() {
    let (clock, ca) = with_clock(TestCa::builder());
    let mut client = RawAcme::registered(&ca).await;
    let first = client.obtain(&["first.example.internal"]).await;
    let order = client.order(&["later.example.internal"]).await;
    let spare = client.fresh_nonce().await;
    let before = Kept::of(&ca).await;

    for (offset, year) in [("+1y", 1), ("-3y", -3), ("+5y", 5)] {
        let doubts = count(&ca, DOUBTED);
        clock.set(offset);
        eventually(async || count(&ca, DOUBTED) > doubts).await;
        // It publishes by the time that it has, and prunes nothing.
        eventually(async || Kept::of(&ca).await.is_of_year(year)).await;
        if is_long() && year == 1 {
            tokio::time::sleep(LONGER_THAN_PRUNING).await;
        }
        let trusts = count(&ca, TRUSTED);
        clock.set("+0");
        eventually(async || count(&ca, TRUSTED) > trusts).await;
    }

    // Its own certificate, the CRL and OCSP are those of now again.
    client.reconnect();
    eventually(async || {
        client
            .http()
            .get(client.url("newNonce"))
            .send()
            .await
            .is_ok()
    })
    .await;
    eventually(async || Kept::of(&ca).await.is_of_year(0)).await;
    eventually(async || {
        let answer = relying_party::ocsp(&ca, &first.chain_pem, &[]);
        answer.contains(": good") && !answer.contains("invalid")
    })
    .await;
    let after = Kept::of(&ca).await;
    assert_eq!(
        (after.orders, after.certificates),
        (before.orders, before.certificates)
    );
    assert!(
        after.crl_number > before.crl_number,
        "CRL numbers only grow"
    );
    let read = client.read(&order.url).protected("nonce", spare);
    assert_eq!(read.send().await.status, 200, "a nonce that was never used");
    client.complete(&order, &["later.example.internal"]).await;
    client
        .revoke(&first.leaf_der(), None)
        .await
        .expect_status(200);
    let serial = first.serial();
    eventually(async || relying_party::crl_text(&ca, "tls").await.contains(&serial)).await;
    log_is_whole(&ca);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signs_nothing_that_its_issuer_does_not_stand_behind() {
    let (clock, ca) = with_clock(keeping_its_certificate());
    let trial = Trial::of(ca);
    trial.recovers().await;
    let before = Kept::of(&trial.ca).await;

    for (offset, year) in [("+5y", 5), ("-3y", -3)] {
        clock.set(offset);
        eventually(async || Kept::of(&trial.ca).await.is_of_year(year)).await;
        let refused = trial.ask().await;

        assert!(
            (400..=503).contains(&refused.status),
            "{offset}: {}",
            refused.text()
        );
        assert_ne!(refused.status, 401, "{offset}: {}", refused.text());
    }
    let meanwhile = Kept::of(&trial.ca).await;
    clock.set("+0");

    assert_eq!(meanwhile.certificates, before.certificates);
    trial.recovers().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn does_not_start_in_a_year_that_cannot_be() {
    let (clock, ca) = with_clock(TestCa::builder());
    assert_eq!(ca.stop(), 0);

    for wrong in ["+5y", "-3y"] {
        clock.set(wrong);
        assert_eq!(ca.try_start(), Err(5), "{wrong}: {}", ca.log());
    }
    // Inside its issuer's life nobody knows it for wrong: it is told, and nothing is removed.
    clock.set("+1y");
    ca.start();
    ca.wait_for_log("the system's clock is far from the newest event");
    assert_eq!(ca.stop(), 0);
    clock.set("+0");
    ca.start();

    let client = RawAcme::registered(&ca).await;
    client.obtain(&["again.example.internal"]).await;
    eventually(async || Kept::of(&ca).await.is_of_year(0)).await;
    log_is_whole(&ca);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serves_with_its_old_certificate_until_there_is_a_signer_again() {
    let (clock, ca) = with_clock(keeping_its_certificate());
    let trial = Trial::of(ca);
    let old = own_serial(&trial.ca);

    // More than half of its day.
    trial.token.set(&["token gone"]);
    clock.set("+20h");
    trial
        .ca
        .wait_for_log("the server's own certificate is not renewed");
    expect_later(&trial.ask().await);
    let meanwhile = own_serial(&trial.ca);
    trial.ca.restart();
    let trial = Trial::of(trial.ca);
    let restarted = own_serial(&trial.ca);
    let readiness = trial.readiness().await.to_string();
    trial.token.clear();

    assert_eq!((&meanwhile, &restarted), (&old, &old));
    assert!(
        readiness.contains("not renewed though due since"),
        "{readiness}"
    );
    eventually(async || own_serial(&trial.ca) != old).await;
    let readiness = trial.readiness().await.to_string();
    assert!(!readiness.contains("not renewed"), "{readiness}");
}

/// What must not become less, and by whose time it is published.
struct Kept {
    orders: i64,
    certificates: i64,
    crl_number: i64,
    crl_this_update: i64,
}

impl Kept {
    async fn of(ca: &TestCa) -> Self {
        let aside = Aside::of(&ca.database_url()).await;
        let mut counts = Vec::new();
        for sql in [
            "SELECT COUNT(*) FROM acme_order",
            "SELECT COUNT(*) FROM certificate WHERE profile = 'tls-server'",
            "SELECT MAX(number) FROM crl",
            "SELECT MAX(this_update) FROM crl",
        ] {
            let column: Vec<i64> = aside.column(sql).await;
            counts.push(column[0]);
        }
        aside.close().await;
        Self {
            orders: counts[0],
            certificates: counts[1],
            crl_number: counts[2],
            crl_this_update: counts[3],
        }
    }

    /// Tells whether the CRL was made by a clock that is so many years off.
    fn is_of_year(&self, off: i64) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = i64::try_from(now.as_secs()).unwrap();
        (self.crl_this_update - now - off * YEAR).abs() < 3_600
    }
}

fn with_clock(mut builder: TestCaBuilder) -> (FakeClock, TestCa) {
    let clock = FakeClock::right();
    for (name, value) in clock.environment() {
        builder = builder.environment(name, &value);
    }
    let ca = builder.start();
    (clock, ca)
}

fn count(ca: &TestCa, text: &str) -> usize {
    ca.log().matches(text).count()
}

/// Returns the serial of the certificate that the server shows.
fn own_serial(ca: &TestCa) -> String {
    let shown = openssl::run_with(&["s_client", "-connect", &ca.address("public")], b"");
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    openssl::certificate_field(&shown, "serial")
}

fn log_is_whole(ca: &TestCa) {
    let verified = ca.command(&["audit", "verify"]);
    assert!(verified.status.success(), "{verified:?}");
}

const SET: &str = "the system's clock was set";
const DOUBTED: &str = "the system's clock is far from where it should be";
const TRUSTED: &str = "the system's clock is trusted again";
/// As libfaketime counts years.
const YEAR: i64 = 365 * 24 * 3_600;
/// The server prunes every ten minutes.
const LONGER_THAN_PRUNING: Duration = Duration::from_secs(11 * 60);
