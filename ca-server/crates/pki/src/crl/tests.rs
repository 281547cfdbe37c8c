//! CRLs as openssl sees them, and what the parser refuses.

use std::io::Write;
use std::process::{Command, Stdio};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use proptest::prelude::*;

use super::*;
use crate::{pem, tlv};

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).expect("the test's time is valid")
}

fn revoked(serial: &str, reason: RevocationReason) -> RevokedCertificate {
    RevokedCertificate {
        serial: Serial::parse_hex(serial).expect("the test's serial is valid"),
        revoked_at: at("2026-11-21T12:00:00Z"),
        reason,
    }
}

/// A CA as rcgen makes it, whose key signs through aws-lc.
struct Ca {
    certificate: rcgen::Certificate,
    key: EcdsaKeyPair,
}

impl Ca {
    fn new() -> Self {
        let key = rcgen::KeyPair::generate().expect("a key is made");
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "Example Issuing CA");
        let certificate = params.self_signed(&key).expect("rcgen signs");
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &key.serialize_der())
            .expect("rcgen's key is PKCS#8");
        Self { certificate, key }
    }

    /// The subject's Name: the sixth field of the TBSCertificate.
    fn name_der(&self) -> Vec<u8> {
        let certificate = tlv::Cursor::only(self.certificate.der(), tlv::SEQUENCE);
        let mut tbs = certificate
            .and_then(|outer| outer.inside().read(tlv::SEQUENCE))
            .expect("rcgen writes DER")
            .inside();
        let fields: Vec<_> = std::iter::from_fn(|| tbs.any().ok()).collect();
        fields[5].der.to_vec()
    }

    fn crl(&self, entries: &[RevokedCertificate]) -> Vec<u8> {
        let tbs = self.template().to_be_signed(entries);
        let signature = self
            .key
            .sign(&SystemRandom::new(), &tbs)
            .expect("aws-lc signs");
        assemble(&tbs, SignatureAlgorithm::EcdsaSha256, signature.as_ref())
    }

    fn template(&self) -> CrlTemplate {
        CrlTemplate {
            issuer_der: self.name_der(),
            authority_key_identifier: vec![0xab; 20],
            signature_algorithm: SignatureAlgorithm::EcdsaSha256,
            number: 0xfedc_ba98,
            this_update: at("2026-11-21T23:52:00Z"),
            next_update: at("2050-01-01T00:00:00Z"),
        }
    }

    /// What `openssl crl` says of `der`: its text, then whether the signature holds.
    fn judged_by_openssl(&self, der: &[u8]) -> (String, String) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, self.certificate.pem()).expect("the file is written");
        let mut openssl = Command::new("openssl")
            .args(["crl", "-inform", "DER", "-text", "-noout", "-CAfile"])
            .arg(&ca_file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("openssl is installed");
        openssl
            .stdin
            .take()
            .expect("it is piped")
            .write_all(der)
            .expect("openssl reads");
        let output = openssl.wait_with_output().expect("openssl ends");
        let text = |octets: Vec<u8>| String::from_utf8(octets).expect("openssl writes text");
        (text(output.stdout), text(output.stderr))
    }
}

#[test]
fn openssl_reads_entries_reasons_number_and_verifies_the_signature() {
    let ca = Ca::new();
    let entries = [
        revoked(
            "0100000000000000000000000000000001",
            RevocationReason::KeyCompromise,
        ),
        revoked("f7", RevocationReason::Unspecified),
    ];

    let (text, verdict) = ca.judged_by_openssl(&ca.crl(&entries));

    assert!(verdict.contains("verify OK"), "{verdict}");
    for expected in [
        "Version 2 (0x1)",
        "ecdsa-with-SHA256",
        "CN = Example Issuing CA",
        "Last Update: Nov 21 23:52:00 2026 GMT",
        "Next Update: Jan  1 00:00:00 2050 GMT",
        "AB:AB:AB",
        "X509v3 CRL Number: \n                4275878552",
        "Serial Number: 0100000000000000000000000000000001\n        Revocation Date: Nov 21 12:00:00 2026 GMT\n        CRL entry extensions:\n            X509v3 CRL Reason Code: \n                Key Compromise",
        "Serial Number: F7\n        Revocation Date: Nov 21 12:00:00 2026 GMT\n    Signature",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in {text}");
    }
}

#[test]
fn openssl_sees_an_empty_list_as_empty() {
    let ca = Ca::new();

    let (text, verdict) = ca.judged_by_openssl(&ca.crl(&[]));

    assert!(verdict.contains("verify OK"), "{verdict}");
    assert!(text.contains("No Revoked Certificates."), "{text}");
}

#[test]
fn reads_back_every_reason_in_der_and_pem() {
    let ca = Ca::new();
    let entries: Vec<_> = (0..=10)
        .filter_map(RevocationReason::from_code)
        .map(|reason| revoked(&format!("80{:02x}", reason.code()), reason))
        .collect();
    let der = ca.crl(&entries);

    let from_der = Crl::parse(&der).expect("our own CRL is read");
    let from_pem = Crl::parse(pem::encode(PEM_LABEL, &der).as_bytes()).expect("PEM is read");

    assert_eq!(entries.len(), 10);
    assert_eq!(from_der.revoked(), entries);
    assert_eq!(from_der.number(), Some(0xfedc_ba98));
    assert_eq!(from_der.this_update(), at("2026-11-21T23:52:00Z"));
    assert_eq!(from_der.next_update(), Some(at("2050-01-01T00:00:00Z")));
    assert_eq!(from_der.issuer_der(), ca.name_der());
    assert_eq!(from_pem.der(), der);
    assert_eq!(from_pem.pem(), pem::encode(PEM_LABEL, &der));
}

#[test]
fn holds_only_for_the_ca_that_signed_it() {
    let (ca, namesake) = (Ca::new(), Ca::new());
    let crl = Crl::parse(&ca.crl(&[])).expect("our own CRL is read");
    let parsed = |ca: &Ca| Certificate::parse(ca.certificate.der()).expect("rcgen's CA is read");

    assert_eq!(crl.verify_issued_by(&parsed(&ca)), Ok(()));
    assert!(crl.verify_issued_by(&parsed(&namesake)).is_err());
}

#[test]
fn reserves_the_whole_list_before_it_writes_entries() {
    let entries: Vec<_> = (1_u32..=10_000)
        .map(|n| RevokedCertificate {
            serial: Serial::new(Timestamp::from_unix_secs(i64::from(n)), [7; 12]),
            revoked_at: at("2026-11-21T12:00:00Z"),
            reason: RevocationReason::Unspecified,
        })
        .collect();

    let tbs = Ca::new().template().to_be_signed(&entries);

    assert_eq!(tbs.len() / entries.len(), 36);
    assert!(
        tbs.capacity() - tbs.len() <= 10,
        "grew while it was written"
    );
}

#[test]
fn refuses_what_is_not_one_complete_version_2_list() {
    let ca = Ca::new();
    let der = ca.crl(&[revoked("80", RevocationReason::KeyCompromise)]);
    let replaced = |from: &[u8], to: &[u8]| {
        let start = der.windows(from.len()).position(|window| window == from);
        let start = start.expect("the pattern is in the CRL");
        let mut changed = der.clone();
        changed[start..start + from.len()].copy_from_slice(to);
        changed
    };
    let mut followed = der.clone();
    followed.push(0);

    for (what, changed) in [
        ("trailing octets", followed),
        ("version 1", replaced(&[2, 1, 1, 0x30], &[2, 1, 0, 0x30])),
        (
            "reason 7",
            replaced(b"\x03\x0a\x01\x01", b"\x03\x0a\x01\x07"),
        ),
        (
            "a negative serial",
            replaced(b"\x02\x02\x00\x80", b"\x02\x02\x80\x80"),
        ),
        ("a month 13", replaced(b"261121235200Z", b"261321235200Z")),
        ("cut off", der[..der.len() - 1].to_vec()),
        ("nothing", Vec::new()),
        ("text", b"no CRL here".to_vec()),
    ] {
        assert!(Crl::parse(&changed).is_err(), "{what}");
    }
    let two = format!("{0}{0}", pem::encode(PEM_LABEL, &der));
    assert!(Crl::parse(two.as_bytes()).is_err(), "two CRLs");
}

#[test]
fn names_of_reasons_read_back() {
    for reason in (0..=u8::MAX).filter_map(RevocationReason::from_code) {
        assert_eq!(RevocationReason::parse(&reason.to_string()), Some(reason));
    }
    assert_eq!(RevocationReason::parse("KeyCompromise"), None);
    assert_eq!(RevocationReason::from_code(7), None);
    assert_eq!(RevocationReason::from_code(11), None);
}

proptest! {
    #[test]
    fn never_panics_on_a_damaged_list(
        (at, octet, cut) in (any::<prop::sample::Index>(), any::<u8>(), any::<prop::sample::Index>())
    ) {
        let template = CrlTemplate {
            issuer_der: vec![0x30, 0],
            authority_key_identifier: vec![1],
            signature_algorithm: SignatureAlgorithm::Ed25519,
            number: 1,
            this_update: Timestamp::from_unix_secs(0),
            next_update: Timestamp::from_unix_secs(1),
        };
        let tbs = template.to_be_signed(&[revoked("0102", RevocationReason::Superseded)]);
        let mut der = assemble(&tbs, SignatureAlgorithm::Ed25519, &[0; 64]);
        let position = at.index(der.len());
        der[position] = octet;
        let _ = Crl::parse(&der);
        der.truncate(cut.index(der.len()));
        let _ = Crl::parse(&der);
    }
}
