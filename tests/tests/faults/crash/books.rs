//! What must add up after any crash, whoever looks: store, CRL, OCSP, audit log, the key itself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ca_issuance::Clock;
use ca_issuance::ledger::{CertificateState, Ledger};
use ca_pki::crl::Crl;
use ca_pki::ocsp::OcspRequest;
use ca_pki::{Certificate, Serial, Timestamp};
use ca_store::Store;
use ca_tests::openssl;

use super::key::Signed;
use super::life::{History, Life};
use crate::database::Aside;
use crate::wax::Wax;

impl History {
    /// Asserts everything that must hold once a server serves again.
    pub(crate) fn balance(&self, life: &Life) {
        life.run(async {
            life.publisher.refresh().await.unwrap();
            nothing_is_unfinished(life).await;
            let revoked = self.every_signature_is_accounted_for(life).await;
            self.what_clients_hold_is_stored(life).await;
            self.crl_numbers_grow(life).await;
            the_crl_lists(life, &revoked).await;
            ocsp_says_revoked(life, &revoked).await;
            self.the_audit_log_tells_it_all(life).await;
        });
    }

    /// Compares what the key signed with what the store knows; returns what is revoked or burned.
    async fn every_signature_is_accounted_for(&self, life: &Life) -> BTreeSet<Serial> {
        let mut serials = BTreeSet::new();
        for signed in self.key.signed() {
            if let Signed::Certificate(certificate) = signed {
                let serial = certificate.serial();
                assert!(serials.insert(serial.clone()), "{serial} is signed twice");
                self.is_known(life, &certificate).await;
            }
        }
        let aside = Aside::of(&self.ground.url).await;
        let sql = "SELECT serial FROM certificate WHERE state IN ('revoked', 'burned')";
        let revoked: Vec<Vec<u8>> = aside.column(sql).await;
        aside.close().await;
        revoked
            .iter()
            .map(|serial| Serial::from_be_bytes(serial).unwrap())
            .collect()
    }

    async fn is_known(&self, life: &Life, certificate: &Certificate) {
        let serial = certificate.serial();
        let record = life.world.store.certificate("tls", serial).await.unwrap();
        let record = record.unwrap_or_else(|| panic!("{serial} was signed without an intent"));
        match record.state {
            CertificateState::Intended => panic!("{serial} is unfinished"),
            CertificateState::Burned { .. } => assert_eq!(record.der, None),
            CertificateState::Valid | CertificateState::Revoked { .. } => {
                let stored = Certificate::parse(&record.der.unwrap()).unwrap();
                assert_eq!(stored.tbs_der(), certificate.tbs_der());
            }
        }
    }

    async fn what_clients_hold_is_stored(&self, life: &Life) {
        for certificate in &self.held {
            let serial = certificate.serial();
            let record = life.world.store.certificate("tls", serial).await.unwrap();
            assert_eq!(record.unwrap().der.unwrap(), certificate.der());
        }
    }

    /// The key signs CRLs in the order of their numbers, across servers.
    async fn crl_numbers_grow(&self, life: &Life) {
        let signed = self.key.signed().into_iter();
        let numbers: Vec<u64> = signed
            .filter_map(|signed| match signed {
                Signed::Crl(crl) => crl.number(),
                Signed::Certificate(_) => None,
            })
            .collect();
        assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
        let current = life.world.store.current_crl("tls").await.unwrap().unwrap();
        assert_eq!(Some(&current.number), numbers.last());
    }

    async fn the_audit_log_tells_it_all(&self, life: &Life) {
        let store = &life.world.store;
        let now = life.world.clock.now();
        let fencing = store.claim(Store::SEALING, "test", now, Duration::from_secs(60));
        let fencing = fencing.await.unwrap().unwrap();
        store.seal(fencing, Arc::new(Wax)).await.unwrap();
        let verification = store.verify_audit(&Wax, Vec::new()).await.unwrap();
        assert!(verification.chain.is_ok(), "{verification:?}");
        assert_eq!(verification.unsealed, 0);

        let aside = Aside::of(&self.ground.url).await;
        let told = |kinds: &str| {
            format!("SELECT subject FROM audit_event WHERE kind IN ({kinds}) ORDER BY subject")
        };
        let intended: Vec<String> = aside.column(&told("'certificate.intended'")).await;
        let ended = "'certificate.issued', 'certificate.burned'";
        let ended: Vec<String> = aside.column(&told(ended)).await;
        aside.close().await;
        assert_eq!(intended, ended, "each intent ends once");
    }
}

async fn nothing_is_unfinished(life: &Life) {
    let forever = Timestamp::from_unix_secs(i64::MAX);
    let unfinished = life.world.store.unfinished(forever).await.unwrap();
    assert!(unfinished.is_empty(), "{unfinished:?}");
}

async fn the_crl_lists(life: &Life, revoked: &BTreeSet<Serial>) {
    let current = life.publisher.current().unwrap();
    let crl = Crl::parse(&current.crl.to_der()).unwrap();
    crl.verify_issued_by(life.issuer().certificate()).unwrap();
    let listed = crl.revoked().iter().map(|entry| entry.serial.clone());
    assert_eq!(&listed.collect::<BTreeSet<_>>(), revoked);
}

/// openssl asks and reads.
async fn ocsp_says_revoked(life: &Life, serials: &BTreeSet<Serial>) {
    let issuer = openssl::file_with(life.issuer().certificate().pem().as_bytes());
    let issuer = issuer.path().display().to_string();
    for serial in serials {
        let out = openssl::file_with(b"");
        let (number, out) = (format!("0x{serial}"), out.path().display().to_string());
        openssl::run(&[
            "ocsp",
            "-issuer",
            &issuer,
            "-serial",
            &number,
            "-reqout",
            &out,
            "-no_nonce",
        ]);
        let request = OcspRequest::parse(&std::fs::read(&out).unwrap()).unwrap();
        let answer = life.responder.answer(&request).await.unwrap();
        std::fs::write(&out, &answer.der).unwrap();
        let text = openssl::run(&["ocsp", "-respin", &out, "-resp_text", "-noverify"]);
        assert!(text.contains("Cert Status: revoked"), "{serial}: {text}");
    }
}
