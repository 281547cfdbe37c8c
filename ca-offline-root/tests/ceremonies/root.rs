//! The `root` kind.

use crate::bench::{Bench, PASSPHRASE, ROOT_ANSWERS, TYPED_ROOT, TYPED_ROOT_ANSWERS};

#[test]
fn makes_a_root_that_openssl_accepts() {
    let bench = Bench::with_root();

    bench.openssl(&["verify", "-x509_strict", "-CAfile", "root.pem", "root.pem"]);
    let text = bench.openssl(&["x509", "-in", "root.pem", "-noout", "-text"]);

    for expected in [
        "Subject: CN = Example Root CA 2026, O = Example",
        "Issuer: CN = Example Root CA 2026, O = Example",
        "ecdsa-with-SHA384",
        "ASN1 OID: secp384r1",
        "X509v3 Basic Constraints: critical\n                CA:TRUE\n",
        "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign\n",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
}

#[test]
fn draws_a_serial_of_more_than_128_bits() {
    let bench = Bench::with_typed_root();

    let serial = bench.openssl(&["x509", "-in", "root.pem", "-noout", "-serial"]);

    assert_eq!(serial.trim().len(), "serial=".len() + 2 * 17, "{serial}");
}

#[test]
fn encrypts_the_key_with_the_passphrase_that_was_typed() {
    let bench = Bench::with_typed_root();

    let wanted = bench.openssl(&["x509", "-in", "root.pem", "-noout", "-pubkey"]);
    let password = format!("pass:{PASSPHRASE}");
    let public = bench.openssl(&["pkey", "-in", "root.key", "-passin", &password, "-pubout"]);

    assert!(
        bench
            .read("root.key")
            .starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    );
    assert_eq!(public, wanted);
}

#[test]
fn closes_keys_and_shares_to_other_users() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::with_root();

    for name in [
        "root.key",
        "shares/share-1-of-5.txt",
        "shares/share-5-of-5.txt",
    ] {
        let mode = std::fs::metadata(bench.path(name))
            .unwrap()
            .permissions()
            .mode();

        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn makes_every_kind_of_key() {
    for (algorithm, shown) in [
        ("ec-p256", "ASN1 OID: prime256v1"),
        ("rsa-3072", "Public-Key: (3072 bit)"),
        ("rsa-4096", "Public-Key: (4096 bit)"),
    ] {
        let bench = Bench::new();
        let key = format!("key = {{ algorithm = \"{algorithm}\", ");
        bench.write("root.toml", TYPED_ROOT.replace("key = { ", &key));

        bench.run("root.toml", &TYPED_ROOT_ANSWERS).expect_success();

        bench.openssl(&["verify", "-x509_strict", "-CAfile", "root.pem", "root.pem"]);
        let text = bench.openssl(&["x509", "-in", "root.pem", "-noout", "-text"]);
        assert!(text.contains(shown), "{shown:?} is not in\n{text}");
    }
}

#[test]
fn refuses_a_short_passphrase_and_one_typed_differently() {
    let bench = Bench::new();
    bench.write("root.toml", TYPED_ROOT);

    let short = bench.run("root.toml", &["Olga", "", "yes", "hunter2", "hunter2"]);
    let differing = bench.run(
        "root.toml",
        &["Olga", "", "yes", PASSPHRASE, "correct horse"],
    );

    assert!(short.expect_code(6).contains("at least 15"));
    assert!(differing.expect_code(6).contains("the two differ"));
    assert!(!bench.exists("root.key"));
}

#[test]
fn writes_nothing_when_the_operator_says_no() {
    let bench = Bench::new();
    bench.sample("root.toml");
    let mut answers = ROOT_ANSWERS;
    answers[2] = "no";

    let outcome = bench.run("root.toml", &answers);

    outcome.expect_code(5);
    assert!(!bench.exists("root.pem") && !bench.exists("shares"));
}

#[test]
fn writes_nothing_when_the_answers_end_early() {
    let bench = Bench::new();
    bench.sample("root.toml");

    let outcome = bench.run("root.toml", &ROOT_ANSWERS[..6]);

    assert!(outcome.expect_code(11).contains("the input ended"));
    assert!(!bench.exists("root.pem") && !bench.exists("shares"));
}
