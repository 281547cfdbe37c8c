//! The `intermediate` kind.

use crate::bench::{Bench, PASSPHRASE, SHARE_ANSWERS};

const SUBJECT: &str = "/CN=Example TLS CA/O=Example";

/// An intermediate below the root with the typed passphrase.
const PLAN: &str = r#"
kind = "intermediate"
csr = "tls.csr"
root = "root.pem"
key = { uri = "file:root.key" }
validity = { lifetime = "5y" }
output = { certificate = "tls.pem", transcript = "tls.transcript.json" }
"#;

fn typed_bench() -> Bench {
    let bench = Bench::with_typed_root();
    bench.request("tls", SUBJECT);
    bench.write("tls.toml", PLAN);
    bench
}

#[test]
fn signs_an_intermediate_that_openssl_accepts() {
    let bench = Bench::with_root();
    bench.request("tls", SUBJECT);
    bench.sample("intermediate.toml");
    let fingerprint = bench.fingerprint("req", "tls.csr");

    let answers = [&["Olga", "", &fingerprint, "yes"], &SHARE_ANSWERS[..]].concat();
    bench.run("intermediate.toml", &answers).expect_success();

    bench.openssl(&["verify", "-x509_strict", "-CAfile", "root.pem", "tls.pem"]);
    let text = bench.openssl(&["x509", "-in", "tls.pem", "-noout", "-text"]);
    for expected in [
        "Subject: CN = Example TLS CA, O = Example",
        "Issuer: CN = Example Root CA 2026, O = Example",
        "X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:0",
        "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign",
        "TLS Web Server Authentication, TLS Web Client Authentication, OCSP Signing",
        "X509v3 Name Constraints: critical",
        "DNS:example.internal",
        "IP:10.0.0.0/255.0.0.0",
        "DNS:secret.example.internal",
        "URI:http://ca.example.internal:8080/crl/root.crl",
        "CA Issuers - URI:http://ca.example.internal:8080/issuers/root.cer",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
}

#[test]
fn holds_leaves_to_the_names_that_the_ceremony_permits() {
    let bench = typed_bench();
    bench.write(
        "tls.toml",
        PLAN.to_owned() + "[name_constraints.permitted]\ndns = [\"example.internal\"]\n",
    );
    let fingerprint = bench.fingerprint("req", "tls.csr");
    bench
        .run("tls.toml", &["Olga", "", &fingerprint, "yes", PASSPHRASE])
        .expect_success();

    let verify = |name: &str| {
        bench.request("leaf", "/CN=leaf");
        bench.write("leaf.ext", format!("subjectAltName=DNS:{name}\n"));
        bench.openssl(&[
            "x509",
            "-req",
            "-in",
            "leaf.csr",
            "-CA",
            "tls.pem",
            "-CAkey",
            "tls-private.pem",
            "-extfile",
            "leaf.ext",
            "-out",
            "leaf.pem",
        ]);
        let chain = [
            "verify",
            "-CAfile",
            "root.pem",
            "-untrusted",
            "tls.pem",
            "leaf.pem",
        ];
        bench.program("openssl", &chain, "")
    };

    verify("a.example.internal").expect_success();
    assert!(
        verify("a.example.com")
            .expect_code(2)
            .contains("permitted subtree violation")
    );
}

#[test]
fn stops_when_the_fingerprint_is_mistyped() {
    let bench = typed_bench();
    let mut fingerprint = bench.fingerprint("req", "tls.csr");
    let last = if fingerprint.pop() == Some('0') {
        '1'
    } else {
        '0'
    };
    fingerprint.push(last);

    let outcome = bench.run("tls.toml", &["Olga", "", &fingerprint, "yes", PASSPHRASE]);

    outcome.expect_code(5);
    assert!(!bench.exists("tls.pem") && !bench.exists("tls.transcript.json"));
}

#[test]
fn refuses_a_wrong_passphrase_and_the_key_of_another_root() {
    let bench = typed_bench();
    let other = Bench::with_typed_root();
    let fingerprint = bench.fingerprint("req", "tls.csr");

    let wrong = bench.run(
        "tls.toml",
        &["Olga", "", &fingerprint, "yes", "wrong horse battery"],
    );
    std::fs::copy(other.path("root.key"), bench.path("root.key")).unwrap();
    let foreign = bench.run("tls.toml", &["Olga", "", &fingerprint, "yes", PASSPHRASE]);

    assert!(wrong.expect_code(6).contains("does not open the key file"));
    assert!(foreign.expect_code(6).contains("not the key of root.pem"));
    assert!(!bench.exists("tls.pem"));
}

#[test]
fn refuses_a_validity_that_outlives_the_root() {
    let bench = typed_bench();
    bench.write("tls.toml", PLAN.replace("5y", "21y"));

    let outcome = bench.run("tls.toml", &["Olga", ""]);

    assert!(outcome.expect_code(3).contains("not inside the root's"));
}

#[test]
fn refuses_requests_that_no_intermediate_should_have() {
    let bench = typed_bench();
    let refusal = || bench.run("tls.toml", &["Olga", ""]).expect_code(7);

    bench.request_with("tls", SUBJECT, &["rsa:2048"]);
    assert!(refusal().contains("rsa-2048"));

    bench.request("tls", "/");
    assert!(refusal().contains("no subject"));

    bench.request("tls", "/CN=Example Root CA 2026/O=Example");
    assert!(refusal().contains("subject is the root's own"));

    bench.openssl(&[
        "req",
        "-new",
        "-key",
        "root.key",
        "-passin",
        &format!("pass:{PASSPHRASE}"),
        "-subj",
        SUBJECT,
        "-out",
        "tls.csr",
    ]);
    assert!(refusal().contains("key is the root's own"));

    bench.request("tls", SUBJECT);
    let damaged = bench.read("tls.csr").replacen('M', "N", 3);
    bench.write("tls.csr", damaged);
    assert!(refusal().contains("tls.csr"));
}

#[test]
fn refuses_a_root_that_is_none() {
    let bench = typed_bench();
    let fingerprint = bench.fingerprint("req", "tls.csr");
    bench
        .run("tls.toml", &["Olga", "", &fingerprint, "yes", PASSPHRASE])
        .expect_success();
    let below = PLAN
        .replace("root.pem", "tls.pem")
        .replace("certificate = \"tls.pem\"", "certificate = \"b.pem\"");
    bench.write(
        "below.toml",
        below.replace("tls.transcript", "below.transcript"),
    );

    let outcome = bench.run("below.toml", &["Olga", ""]);

    assert!(outcome.expect_code(7).contains("not self-signed"));
}
