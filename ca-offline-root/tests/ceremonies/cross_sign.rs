//! The `cross-sign` kind.

use crate::bench::{Bench, PASSPHRASE, SHARE_ANSWERS};

const PLAN: &str = r#"
kind = "cross-sign"
certificate = "other-root.pem"
root = "root.pem"
key = { uri = "file:root.key" }
validity = { lifetime = "2y" }
output = { certificate = "cross.pem", transcript = "cross.json" }
"#;

/// Makes another CA with OpenSSL.
fn make_other_root(bench: &Bench, extensions: &[&str]) {
    let common = [
        "req",
        "-new",
        "-x509",
        "-nodes",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-384",
        "-subj",
        "/CN=Other Root",
        "-days",
        "3000",
        "-keyout",
        "other-private.pem",
        "-out",
        "other-root.pem",
    ];
    bench.openssl(&[&common, extensions].concat());
}

#[test]
fn leads_from_this_root_to_what_the_other_one_signed() {
    let bench = Bench::with_root();
    make_other_root(
        &bench,
        &["-addext", "keyUsage=critical,keyCertSign,cRLSign"],
    );
    bench.sample("cross-sign.toml");
    let fingerprint = bench.fingerprint("x509", "other-root.pem");
    let answers = [&["Olga", "", &fingerprint, "yes"], &SHARE_ANSWERS[..]].concat();
    bench.run("cross-sign.toml", &answers).expect_success();
    bench.request("leaf", "/CN=leaf");
    bench.write(
        "leaf.ext",
        "subjectAltName=DNS:leaf.example\nauthorityKeyIdentifier=keyid\n",
    );
    bench.openssl(&[
        "x509",
        "-req",
        "-in",
        "leaf.csr",
        "-CA",
        "other-root.pem",
        "-CAkey",
        "other-private.pem",
        "-extfile",
        "leaf.ext",
        "-out",
        "leaf.pem",
    ]);

    let cross = "other-by-root.pem";
    bench.openssl(&["verify", "-x509_strict", "-CAfile", "root.pem", cross]);
    bench.openssl(&[
        "verify",
        "-x509_strict",
        "-CAfile",
        "root.pem",
        "-untrusted",
        cross,
        "leaf.pem",
    ]);

    let key = |name| bench.openssl(&["x509", "-in", name, "-noout", "-pubkey", "-subject"]);
    assert_eq!(key(cross), key("other-root.pem"));
}

#[test]
fn takes_path_length_and_limits_from_the_ceremony() {
    let bench = Bench::with_typed_root();
    make_other_root(&bench, &["-addext", "keyUsage=critical,keyCertSign"]);
    let limits = "[name_constraints.permitted]\ndns = [\"example.com\"]\n";
    bench.write("cross.toml", format!("path_length = 1\n{PLAN}{limits}"));
    let fingerprint = bench.fingerprint("x509", "other-root.pem");

    bench
        .run("cross.toml", &["Olga", "", &fingerprint, "yes", PASSPHRASE])
        .expect_success();

    let text = bench.openssl(&["x509", "-in", "cross.pem", "-noout", "-text"]);
    assert!(text.contains("CA:TRUE, pathlen:1"), "{text}");
    assert!(text.contains("DNS:example.com"), "{text}");
    assert!(!text.contains("Extended Key Usage"), "{text}");
}

#[test]
fn refuses_what_is_no_ca_or_has_no_proof() {
    let bench = Bench::with_typed_root();
    bench.write("cross.toml", PLAN);
    let refusal = || bench.run("cross.toml", &["Olga", ""]).expect_code(7);

    make_other_root(&bench, &["-addext", "basicConstraints=critical,CA:FALSE"]);
    assert!(refusal().contains("other-root.pem"));

    std::fs::copy(bench.path("root.pem"), bench.path("other-root.pem")).unwrap();
    assert!(refusal().contains("the signing root itself"));

    make_other_root(&bench, &["-addext", "keyUsage=critical,keyCertSign"]);
    bench.request("sub", "/CN=Sub CA");
    bench.write(
        "sub.ext",
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n",
    );
    bench.openssl(&[
        "x509",
        "-req",
        "-in",
        "sub.csr",
        "-CA",
        "other-root.pem",
        "-CAkey",
        "other-private.pem",
        "-extfile",
        "sub.ext",
        "-out",
        "other-root.pem",
    ]);
    assert!(refusal().contains("not self-signed"));
}

#[test]
fn stops_when_the_fingerprint_is_mistyped() {
    let bench = Bench::with_typed_root();
    make_other_root(&bench, &["-addext", "keyUsage=critical,keyCertSign"]);
    bench.write("cross.toml", PLAN);
    let fingerprint = bench.fingerprint("x509", "root.pem");

    bench
        .run("cross.toml", &["Olga", "", &fingerprint, "yes", PASSPHRASE])
        .expect_code(5);

    assert!(!bench.exists("cross.pem"));
}
