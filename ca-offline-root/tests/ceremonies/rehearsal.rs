//! `--rehearse`.

use crate::bench::{Bench, ROOT_ANSWERS};

#[test]
fn marks_every_artefact_of_a_root_and_touches_nothing_else() {
    let bench = Bench::new();
    bench.sample("root.toml");

    let told = bench.rehearse("root.toml", &ROOT_ANSWERS).expect_success();

    assert!(told.contains("REHEARSAL"), "{told}");
    assert!(!bench.exists("root.pem") && !bench.exists("root.key") && !bench.exists("shares"));
    let subject = bench.openssl(&[
        "x509",
        "-in",
        "rehearsal/root/root.pem",
        "-noout",
        "-subject",
    ]);
    assert!(
        subject.contains("CN = REHEARSAL Example Root CA 2026"),
        "{subject}"
    );
    assert!(
        bench
            .read("rehearsal/root/shares/share-1-of-5.txt")
            .starts_with("REHEARSAL share 1")
    );
    assert!(
        bench
            .read("rehearsal/root/root.transcript.json")
            .contains("\"rehearsal\": true")
    );
}

#[test]
fn is_called_an_exercise_by_verify() {
    let bench = Bench::new();
    bench.sample("root.toml");
    bench.rehearse("root.toml", &ROOT_ANSWERS).expect_success();

    let transcript = "rehearsal/root/root.transcript.json";
    let report = bench.tool(&["verify", transcript]).expect_success();

    assert!(
        report.starts_with("REHEARSAL: this is the record of an exercise"),
        "{report}"
    );
}

#[test]
fn signs_with_a_throw_away_key_where_the_root_exists() {
    let bench = Bench::with_typed_root();
    bench.request("tls", "/CN=Example TLS CA");
    bench.sample("intermediate.toml");
    std::fs::remove_file(bench.path("root.key")).unwrap();
    let fingerprint = bench.fingerprint("req", "tls.csr");

    bench
        .rehearse("intermediate.toml", &["Olga", "", &fingerprint, "yes"])
        .expect_success();

    let folder = "rehearsal/intermediate";
    let (root, tls) = (format!("{folder}/root.pem"), format!("{folder}/tls.pem"));
    bench.openssl(&["verify", "-x509_strict", "-CAfile", &root, &tls]);
    let real = bench.program("openssl", &["verify", "-CAfile", "root.pem", &tls], "");
    assert_ne!(real.code, 0);
    let names = bench.openssl(&["x509", "-in", &tls, "-noout", "-subject", "-issuer"]);
    assert!(
        names.contains("subject=CN = REHEARSAL Example TLS CA"),
        "{names}"
    );
    assert!(
        names.contains("issuer=CN = REHEARSAL Example Root CA 2026"),
        "{names}"
    );
}

#[test]
fn goes_through_a_rollover_and_a_cross_signature() {
    let bench = Bench::with_typed_root();
    bench.sample("rollover.toml");
    bench.sample("cross-sign.toml");
    let other = Bench::with_typed_root();
    std::fs::copy(other.path("root.pem"), bench.path("other-root.pem")).unwrap();
    let old = bench.fingerprint("x509", "root.pem");
    let existing = bench.fingerprint("x509", "other-root.pem");
    let custodians = ["Ada", "Ben", "Cem", "Dov", "Eva"];

    let rollover = [&["Olga", "", &old, "yes"], &custodians[..]].concat();
    bench.rehearse("rollover.toml", &rollover).expect_success();
    bench
        .rehearse("cross-sign.toml", &["Olga", "", &existing, "yes"])
        .expect_success();

    for (root, certificate) in [
        ("rollover/old-root.pem", "rollover/root-2036-by-root.pem"),
        ("rollover/root-2036.pem", "rollover/root-by-root-2036.pem"),
        ("cross-sign/root.pem", "cross-sign/other-by-root.pem"),
    ] {
        let (root, certificate) = (
            format!("rehearsal/{root}"),
            format!("rehearsal/{certificate}"),
        );
        bench.openssl(&["verify", "-x509_strict", "-CAfile", &root, &certificate]);
        let names = bench.openssl(&["x509", "-in", &certificate, "-noout", "-subject", "-issuer"]);
        assert_eq!(names.matches("CN = REHEARSAL ").count(), 2, "{names}");
    }
    for transcript in ["rollover/rollover-2036", "cross-sign/other-by-root"] {
        let file = format!("rehearsal/{transcript}.transcript.json");
        bench.tool(&["verify", &file]).expect_success();
    }
}

#[test]
fn can_be_held_before_there_is_a_root() {
    let bench = Bench::new();
    for sample in ["crl.toml", "rollover.toml"] {
        bench.sample(sample);
    }
    let custodians = ["Ada", "Ben", "Cem", "Dov", "Eva"];

    bench
        .rehearse("crl.toml", &["Olga", "", "yes", "yes"])
        .expect_success();
    // The stand-in's fingerprint is new every time, so a mistyped one is all that can be shown.
    let rollover = [&["Olga", "", "00", "yes"], &custodians[..]].concat();
    let outcome = bench.rehearse("rollover.toml", &rollover);

    outcome.expect_code(5);
    let issuer = bench.openssl(&[
        "crl",
        "-in",
        "rehearsal/crl/root-1.crl",
        "-inform",
        "DER",
        "-noout",
        "-issuer",
    ]);
    assert!(issuer.contains("REHEARSAL"), "{issuer}");
}

#[test]
fn does_not_accept_the_shares_of_a_rehearsal_for_a_real_key() {
    let bench = Bench::with_root();
    bench.rehearse("root.toml", &ROOT_ANSWERS).expect_success();
    bench.sample("crl.toml");
    let rehearsed = "rehearsal/root/shares/share-1-of-5.txt";

    let answers = [
        &["Olga", "", "yes", "yes"],
        &["Ada", rehearsed].repeat(5)[..],
    ]
    .concat();
    let outcome = bench.run("crl.toml", &answers);

    assert!(
        outcome
            .expect_code(6)
            .contains("the share was made in a rehearsal")
    );
}
