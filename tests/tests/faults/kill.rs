//! The real program, killed at random moments under a load of orders, every other time while an
//! intent has no result yet.
//!
//! `CA_TESTS_SEED` repeats the moments of an earlier run as far as moments can be repeated;
//! `CA_TESTS_LONG=1` kills more often.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use ca_pki::Certificate;
use ca_tests::{TestCa, relying_party};
use tokio::runtime::Builder;

use crate::database::{Aside, Kind, on_both_databases, url_of};
use crate::eventually;
use crate::load::Load;

on_both_databases!(loses_nothing_however_often_it_is_killed);

fn loses_nothing_however_often_it_is_killed(kind: Kind) {
    let mut chance = Chance::of_this_run();
    let ca = Arc::new(start(kind));
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut load = Load::begin(&ca, CLIENTS).await;
        let mut numbers = vec![crl_number(&ca).await];
        let aside = Aside::of(&url_of(&ca)).await;
        for number in 0..kills() {
            load.advance(1 + chance.below(40)).await;
            match number % 2 {
                0 => tokio::time::sleep(Duration::from_micros(chance.below(20_000))).await,
                _ => something_new_is_unfinished(&aside).await,
            }
            ca.kill();
            ca.start();
            numbers.push(crl_number(&ca).await);
        }
        let mut clients = load.end().await;
        settle(&ca, &aside, kind).await;
        for client in &mut clients {
            client.finish().await;
        }
        let held: Vec<String> = clients.iter().flat_map(|one| one.held.clone()).collect();
        let revoked: Vec<String> = clients.iter().flat_map(|one| one.revoked.clone()).collect();

        assert!(numbers.is_sorted(), "CRL numbers go back: {numbers:?}");
        assert!(held.len() > kills(), "too little happened");
        clients_hold_what_is_stored(&aside, &held).await;
        every_serial_is_spent_once_and_ends(&aside).await;
        no_order_is_stuck(&aside).await;
        what_is_revoked_or_burned_is_listed(&ca, &aside, &revoked).await;
        aside.close().await;
        the_audit_log_holds(&ca);
    });
}

fn start(kind: Kind) -> TestCa {
    // The sooner an intent's time is up, the sooner another server may give it up.
    let builder = TestCa::builder().set("issuer.0.signing_deadline", "1s");
    match kind {
        Kind::Sqlite => builder.start(),
        Kind::Postgres => builder.on_postgres().start(),
    }
}

/// Ends intents whose server was killed, as each server does each minute.
async fn settle(ca: &TestCa, aside: &Aside, kind: Kind) {
    eventually(async || {
        if kind == Kind::Postgres {
            let settled = ca.command(&["settle"]);
            assert!(settled.status.success(), "{settled:?}");
        }
        unfinished(aside).await.is_empty()
    })
    .await;
}

/// Comes back between an intent and its result, if nobody is slow.
async fn something_new_is_unfinished(aside: &Aside) {
    let before = unfinished(aside).await;
    while unfinished(aside).await.is_subset(&before) {}
}

async fn unfinished(aside: &Aside) -> BTreeSet<Vec<u8>> {
    let sql = "SELECT serial FROM certificate WHERE state = 'intended'";
    let serials: Vec<Vec<u8>> = aside.column(sql).await;
    serials.into_iter().collect()
}

async fn clients_hold_what_is_stored(aside: &Aside, held: &[String]) {
    let sql = "SELECT der FROM certificate WHERE state IN ('valid', 'revoked')";
    let stored: Vec<Vec<u8>> = aside.column(sql).await;
    let stored: BTreeSet<Vec<u8>> = stored.into_iter().collect();
    let mut serials = BTreeSet::new();
    for chain in held {
        let leaf = Certificate::parse_pem_chain(chain).unwrap().remove(0);
        let serial = leaf.serial();
        assert!(
            serials.insert(serial.clone()),
            "{serial} is handed out twice"
        );
        assert!(stored.contains(leaf.der()), "{serial} is not in the store");
    }
}

async fn every_serial_is_spent_once_and_ends(aside: &Aside) {
    let told = |kinds: &str| {
        format!("SELECT subject FROM audit_event WHERE kind IN ({kinds}) ORDER BY subject")
    };
    let intended: Vec<String> = aside.column(&told("'certificate.intended'")).await;
    let ended = "'certificate.issued', 'certificate.burned'";
    let ended: Vec<String> = aside.column(&told(ended)).await;
    let spent: BTreeSet<&String> = intended.iter().collect();
    assert_eq!(spent.len(), intended.len(), "a serial is spent twice");
    assert_eq!(intended, ended, "each intent ends once");
}

async fn no_order_is_stuck(aside: &Aside) {
    let stuck: Vec<String> = aside
        .column("SELECT id FROM acme_order WHERE status IN ('processing', 'invalid')")
        .await;
    assert!(stuck.is_empty(), "{stuck:?}");
    let validating: Vec<String> = aside
        .column("SELECT id FROM \"authorization\" WHERE status = 'invalid'")
        .await;
    assert!(validating.is_empty(), "{validating:?}");
}

async fn what_is_revoked_or_burned_is_listed(ca: &TestCa, aside: &Aside, revoked: &[String]) {
    let burned: Vec<Vec<u8>> = aside
        .column("SELECT serial FROM certificate WHERE state = 'burned'")
        .await;
    let burned = burned
        .iter()
        .map(|octets| octets.iter().map(|octet| format!("{octet:02X}")).collect());
    let burned: Vec<String> = burned.collect();
    println!("{} burned, {} revoked", burned.len(), revoked.len());
    eventually(async || {
        let text = relying_party::crl_text(ca, "tls").await;
        let mut all = burned.iter().chain(revoked);
        all.all(|serial| text.contains(serial.as_str()))
    })
    .await;
    for serial in burned.iter().chain(revoked.first()) {
        let said = ocsp(ca, serial);
        assert!(said.contains(": revoked"), "{serial}: {said}");
    }
}

fn ocsp(ca: &TestCa, serial: &str) -> String {
    let output = Command::new("openssl")
        .args(["ocsp", "-issuer"])
        .arg(ca.issuer_file())
        .args(["-serial", &format!("0x{serial}")])
        .arg("-CAfile")
        .arg(ca.root_file())
        .args(["-url", &ca.plain_url("pki", "/ocsp/tls")])
        .output()
        .expect("openssl is installed, see tests/install");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn the_audit_log_holds(ca: &TestCa) {
    let verified = ca.command(&["audit", "verify"]);
    assert!(verified.status.success(), "{verified:?}");
}

async fn crl_number(ca: &TestCa) -> u64 {
    let der = relying_party::fetch(&ca.plain_url("pki", "/crl/tls.crl")).await;
    let crl = ca_pki::crl::Crl::parse(&der).unwrap();
    crl.number().unwrap()
}

/// Random numbers that a seed repeats.
struct Chance(u64);

impl Chance {
    fn of_this_run() -> Self {
        let chosen = std::env::var("CA_TESTS_SEED").ok();
        let seed = chosen.map_or_else(random_seed, |seed| seed.parse().expect("a number"));
        println!("CA_TESTS_SEED={seed}");
        Self(seed)
    }

    /// Draws a number below `end` (SplitMix64).
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

fn random_seed() -> u64 {
    let mut octets = [0; 8];
    aws_lc_rs::rand::fill(&mut octets).unwrap();
    u64::from_be_bytes(octets)
}

fn kills() -> usize {
    match std::env::var("CA_TESTS_LONG").as_deref() {
        Ok("1") => 100,
        Ok(_) | Err(_) => 10,
    }
}

const CLIENTS: usize = 4;
