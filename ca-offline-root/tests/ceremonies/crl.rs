//! The `crl` kind.

use crate::bench::{Bench, PASSPHRASE, SHARE_ANSWERS, TYPED_ROOT, TYPED_ROOT_ANSWERS};

/// Operator, no witnesses, the first CRL, confirmation, passphrase.
const FIRST: [&str; 5] = ["Olga", "", "yes", "yes", PASSPHRASE];

/// The same where there is a previous CRL.
const NEXT: [&str; 4] = ["Olga", "", "yes", PASSPHRASE];

/// A CRL after `previous` with what is appended to it.
fn plan(previous: Option<u32>, number: u32) -> String {
    let previous = previous.map_or(String::new(), |last| format!("previous = \"{last}.crl\"\n"));
    format!(
        "kind = \"crl\"\nroot = \"root.pem\"\n{previous}key = {{ uri = \"file:root.key\" }}\n\
         validity = {{ lifetime = \"400d\" }}\n\
         output = {{ crl = \"{number}.crl\", transcript = \"{number}.json\" }}\n"
    )
}

fn text(bench: &Bench, crl: &str) -> String {
    bench.openssl(&[
        "crl", "-in", crl, "-inform", "DER", "-CAfile", "root.pem", "-noout", "-text",
    ])
}

#[test]
fn issues_a_first_crl_that_openssl_accepts() {
    let bench = Bench::with_root();
    bench.sample("crl.toml");

    let answers = [&["Olga", "", "yes", "yes"], &SHARE_ANSWERS[..]].concat();
    bench.run("crl.toml", &answers).expect_success();

    let outcome = bench.program(
        "openssl",
        &[
            "crl",
            "-in",
            "root-1.crl",
            "-inform",
            "DER",
            "-CAfile",
            "root.pem",
            "-noout",
            "-text",
        ],
        "",
    );
    assert!(outcome.stderr.contains("verify OK"), "{}", outcome.stderr);
    let text = outcome.expect_success();
    assert!(text.contains("No Revoked Certificates"), "{text}");
    assert!(
        text.contains("X509v3 CRL Number: \n                1\n"),
        "{text}"
    );
}

#[test]
fn keeps_every_entry_and_counts_on() {
    let bench = Bench::with_typed_root();
    bench.write(
        "1.toml",
        plan(None, 1)
            + "[[revoke]]\nserial = \"4a0f\"\nreason = \"keyCompromise\"\nat = \"2025-02-03T04:05:06Z\"\n",
    );
    bench.write(
        "2.toml",
        plan(Some(1), 2) + "[[revoke]]\nserial = \"4b\"\nreason = \"superseded\"\n",
    );

    bench.run("1.toml", &FIRST).expect_success();
    bench.run("2.toml", &NEXT).expect_success();

    let text = text(&bench, "2.crl");
    for expected in [
        "X509v3 CRL Number: \n                2\n",
        "Serial Number: 4A0F\n        Revocation Date: Feb  3 04:05:06 2025 GMT",
        "Key Compromise",
        "Serial Number: 4B\n",
        "Superseded",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
}

#[test]
fn revokes_the_certificate_in_a_file() {
    let bench = Bench::with_typed_root();
    bench.request("tls", "/CN=Example TLS CA");
    let fingerprint = bench.fingerprint("req", "tls.csr");
    bench.write(
        "tls.toml",
        "kind = \"intermediate\"\ncsr = \"tls.csr\"\nroot = \"root.pem\"\n\
         key = { uri = \"file:root.key\" }\nvalidity = { lifetime = \"5y\" }\n\
         output = { certificate = \"tls.pem\", transcript = \"tls.json\" }\n",
    );
    bench
        .run("tls.toml", &["Olga", "", &fingerprint, "yes", PASSPHRASE])
        .expect_success();
    let pem = plan(None, 1).replace("1.crl", "crl.pem");
    bench.write(
        "crl.toml",
        pem + "[[revoke]]\ncertificate = \"tls.pem\"\nreason = \"cACompromise\"\n",
    );

    bench.run("crl.toml", &FIRST).expect_success();

    let verify = [
        "verify",
        "-crl_check",
        "-CAfile",
        "root.pem",
        "-CRLfile",
        "crl.pem",
        "tls.pem",
    ];
    let outcome = bench.program("openssl", &verify, "");
    assert!(outcome.expect_code(2).contains("certificate revoked"));
}

#[test]
fn asks_whether_a_crl_without_a_previous_one_is_the_first() {
    let bench = Bench::with_typed_root();
    bench.write("1.toml", plan(None, 1));

    bench.run("1.toml", &["Olga", "", "no"]).expect_code(5);

    assert!(!bench.exists("1.crl"));
}

#[test]
fn never_goes_back() {
    let bench = Bench::new();
    let early = "{ not_before = \"2025-01-01T00:00:00Z\", lifetime";
    bench.write("root.toml", TYPED_ROOT.replace("{ lifetime", early));
    bench.run("root.toml", &TYPED_ROOT_ANSWERS).expect_success();
    bench.write("1.toml", plan(None, 1));
    bench.run("1.toml", &FIRST).expect_success();

    bench.write("2.toml", "number = 1\n".to_owned() + &plan(Some(1), 2));
    let number = bench.run("2.toml", &NEXT);
    bench.write("2.toml", plan(Some(1), 2).replace("{ lifetime", early));
    let time = bench.run("2.toml", &NEXT);

    assert!(number.expect_code(3).contains("number = 1 is not above"));
    assert!(time.expect_code(3).contains("before the previous one"));
}

#[test]
fn refuses_to_change_an_entry() {
    let bench = Bench::with_typed_root();
    let revoke = "[[revoke]]\nserial = \"4a\"\nreason = \"superseded\"\n";
    bench.write("1.toml", plan(None, 1) + revoke);
    bench.write("2.toml", plan(Some(1), 2) + revoke);
    bench.run("1.toml", &FIRST).expect_success();

    let outcome = bench.run("2.toml", &NEXT);

    assert!(outcome.expect_code(3).contains("4a is revoked already"));
}

#[test]
fn refuses_reasons_and_times_that_do_not_fit() {
    let bench = Bench::with_typed_root();
    for (revoke, word) in [
        ("serial = \"4a\"\nreason = \"certificateHold\"", "for good"),
        ("serial = \"4a\"\nreason = \"bored\"", "RFC 5280"),
        ("serial = \"xy\"\nreason = \"superseded\"", "serial number"),
        (
            "serial = \"4a\"\nreason = \"superseded\"\nat = \"2999-01-01T00:00:00Z\"",
            "future",
        ),
        ("reason = \"superseded\"", "either serial or certificate"),
    ] {
        bench.write("1.toml", format!("{}[[revoke]]\n{revoke}\n", plan(None, 1)));

        let message = bench.run("1.toml", &FIRST).expect_code(3);

        assert!(message.contains(word), "{word:?} is not in {message}");
    }
}

#[test]
fn refuses_the_crl_and_the_certificate_of_another_root() {
    let bench = Bench::with_typed_root();
    let other = Bench::with_typed_root();
    other.write("1.toml", plan(None, 1));
    other.run("1.toml", &FIRST).expect_success();
    std::fs::copy(other.path("1.crl"), bench.path("1.crl")).unwrap();
    std::fs::copy(other.path("root.pem"), bench.path("other.pem")).unwrap();

    bench.write("2.toml", plan(Some(1), 2));
    let foreign_crl = bench.run("2.toml", &NEXT);
    let revoke = "[[revoke]]\ncertificate = \"other.pem\"\nreason = \"superseded\"\n";
    bench.write("3.toml", plan(None, 3) + revoke);
    let foreign_certificate = bench.run("3.toml", &FIRST);

    assert!(foreign_crl.expect_code(7).contains("1.crl"));
    assert!(foreign_certificate.expect_code(7).contains("other.pem"));
}
