//! What must hold after any fault, whoever looks: clients, the store, CRL, OCSP, the audit log.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use ca_pki::crl::Crl;
use ca_pki::{Serial, hex};
use ca_tests::{TestCa, relying_party};

use crate::database::{Aside, Kind};
use crate::eventually;
use crate::load::{Client, Hands, Holdings};

/// Looks again and again, and remembers how far it has looked.
#[derive(Default)]
pub(crate) struct Invariants {
    held: usize,
    revoked: usize,
    crl_number: u64,
    serials: BTreeMap<Serial, Vec<u8>>,
}

impl Invariants {
    /// Asserts what must hold while clients go on: nothing that they hold or know is lost, no
    /// serial comes twice, the CRL goes forward and lists what was burned or revoked.
    ///
    /// `before` is what the clients held before the fault.
    pub(crate) async fn hold_now(&mut self, ca: &TestCa, before: &Holdings) {
        let aside = Aside::of(&ca.database_url()).await;
        self.everything_in_hands_is_stored(&aside, before).await;
        let mut gone = serials(&aside, "state = 'burned'").await;
        aside.close().await;
        gone.extend(before.revoked.iter().skip(self.revoked).cloned());
        self.revoked = before.revoked.len();
        eventually(async || {
            let crl = crl(ca).await;
            let listed = crl.revoked().iter().map(|entry| &entry.serial);
            let listed: BTreeSet<&Serial> = listed.collect();
            gone.iter().all(|serial| listed.contains(serial))
        })
        .await;
        self.crl_goes_forward(ca).await;
    }

    /// Asserts what must hold when nothing is under way any more.
    pub(crate) async fn hold_at_the_end(&mut self, ca: &TestCa, hands: &Hands) {
        let holdings = hands.now();
        self.hold_now(ca, &holdings).await;
        let aside = Aside::of(&ca.database_url()).await;
        every_serial_is_spent_once_and_ends(&aside).await;
        no_order_is_stuck(&aside).await;
        each_name_is_certified_once(&aside, &holdings).await;
        let burned = serials(&aside, "state = 'burned'").await;
        let (held, revoked) = (holdings.held.len(), holdings.revoked.len());
        println!("{held} held, {revoked} revoked, {} burned", burned.len());
        for serial in burned.iter().chain(holdings.revoked.first()).take(10) {
            let said = ocsp(ca, serial);
            assert!(said.contains(": revoked"), "{serial}: {said}");
        }
        aside.close().await;
        the_audit_log_holds(ca);
    }

    async fn everything_in_hands_is_stored(&mut self, aside: &Aside, before: &Holdings) {
        for some in before.held[self.held..].chunks(TOGETHER) {
            let numbers = some
                .iter()
                .map(|one| aside.octets(one.serial().as_be_bytes()));
            let rows = format!(
                "SELECT der FROM certificate WHERE issuer = 'tls' AND serial IN ({}) \
                 AND state IN ('valid', 'revoked')",
                numbers.collect::<Vec<_>>().join(", ")
            );
            let stored: Vec<Vec<u8>> = aside.column(&rows).await;
            let stored = BTreeSet::from_iter(stored);
            for certificate in some {
                let (serial, der) = (certificate.serial(), certificate.der());
                assert!(stored.contains(der), "{serial} is lost");
                // A request under an idempotency key may be answered twice, with the same one.
                let first = self.serials.entry(serial.clone());
                assert_eq!(first.or_insert_with(|| der.to_vec()), der, "{serial} twice");
            }
        }
        self.held = before.held.len();
        let revoked: BTreeSet<Serial> = serials(aside, "state = 'revoked'").await;
        for serial in &before.revoked {
            assert!(revoked.contains(serial), "{serial} is good again");
        }
    }

    async fn crl_goes_forward(&mut self, ca: &TestCa) {
        let number = crl(ca).await.number().unwrap();
        assert!(number >= self.crl_number, "{number} < {}", self.crl_number);
        self.crl_number = number;
    }
}

/// Ends what the fault left: intents are given up, clients come to their certificates.
pub(crate) async fn settle(ca: &TestCa, kind: Kind, clients: &mut [Client]) {
    let aside = Aside::of(&ca.database_url()).await;
    eventually(async || {
        if kind == Kind::Postgres {
            // As each server does each minute.
            let settled = ca.command(&["settle"]);
            assert!(settled.status.success(), "{settled:?}");
        }
        unfinished(&aside).await.is_empty()
    })
    .await;
    aside.close().await;
    for client in clients {
        client.finish().await;
    }
}

/// Returns the serials of intents without a result.
pub(crate) async fn unfinished(aside: &Aside) -> BTreeSet<Serial> {
    serials(aside, "state = 'intended'").await
}

/// Asserts that each intent has an end, and only one.
pub(crate) async fn every_serial_is_spent_once_and_ends(aside: &Aside) {
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

/// Asserts that no order waits for what never comes.
pub(crate) async fn no_order_is_stuck(aside: &Aside) {
    for sql in [
        "SELECT id FROM acme_order WHERE status IN ('processing', 'invalid')",
        "SELECT id FROM \"authorization\" WHERE status = 'invalid'",
    ] {
        let stuck: Vec<String> = aside.column(sql).await;
        assert!(stuck.is_empty(), "{sql}: {stuck:?}");
    }
}

/// Asserts that the audit chain is whole, as its verifier says.
pub(crate) fn the_audit_log_holds(ca: &TestCa) {
    let verified = ca.command(&["audit", "verify"]);
    assert!(verified.status.success(), "{verified:?}");
}

/// Returns the CRL that is served.
pub(crate) async fn crl(ca: &TestCa) -> Crl {
    let der = relying_party::fetch(&ca.plain_url("pki", "/crl/tls.crl")).await;
    Crl::parse(&der).unwrap()
}

/// Clients never ask twice for a name but for want of an answer: however often they asked, one
/// certificate came of it, and it is theirs.
async fn each_name_is_certified_once(aside: &Aside, holdings: &Holdings) {
    let sql = "SELECT identifiers FROM certificate WHERE state IN ('valid', 'revoked') \
               AND identifiers LIKE '%.load.internal%' ORDER BY identifiers";
    let certified: Vec<String> = aside.column(sql).await;
    for pair in certified.windows(2) {
        assert_ne!(pair[0], pair[1], "certified twice");
    }
    let held: BTreeSet<&Serial> = holdings.held.iter().map(|one| one.serial()).collect();
    assert_eq!(certified.len(), held.len(), "a certificate is in no hands");
}

/// So many certificates are looked for by one statement.
const TOGETHER: usize = 500;

async fn serials(aside: &Aside, state: &str) -> BTreeSet<Serial> {
    let sql = format!("SELECT serial FROM certificate WHERE {state}");
    let serials: Vec<Vec<u8>> = aside.column(&sql).await;
    let serials = serials.iter();
    serials
        .map(|octets| Serial::from_be_bytes(octets).unwrap())
        .collect()
}

fn ocsp(ca: &TestCa, serial: &Serial) -> String {
    let number = format!("0x{}", hex::lower(serial.as_be_bytes()));
    let output = Command::new("openssl")
        .args(["ocsp", "-issuer"])
        .arg(ca.issuer_file())
        .args(["-serial", &number])
        .arg("-CAfile")
        .arg(ca.root_file())
        .args(["-url", &ca.plain_url("pki", "/ocsp/tls")])
        .output()
        .expect("openssl is installed, see tests/install");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
