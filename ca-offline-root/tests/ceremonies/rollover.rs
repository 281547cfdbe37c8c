//! The `rollover` kind.

use crate::bench::{Bench, SHARE_ANSWERS};

fn rolled_over() -> Bench {
    let bench = Bench::with_root();
    bench.sample("rollover.toml");
    let fingerprint = bench.fingerprint("x509", "root.pem");
    let answers = [
        &["Olga", "", &fingerprint, "yes"],
        &SHARE_ANSWERS[..],
        &["Ada", "Ben", "Cem", "Dov", "Eva"],
    ]
    .concat();
    bench.run("rollover.toml", &answers).expect_success();
    bench
}

#[test]
fn leads_from_each_root_to_the_other() {
    let bench = rolled_over();

    for (root, certificate) in [
        ("root-2036.pem", "root-2036.pem"),
        ("root.pem", "root-2036-by-root.pem"),
        ("root-2036.pem", "root-by-root-2036.pem"),
    ] {
        bench.openssl(&["verify", "-x509_strict", "-CAfile", root, certificate]);
    }
    let key = |name| bench.openssl(&["x509", "-in", name, "-noout", "-pubkey", "-subject"]);
    assert_eq!(key("root-2036-by-root.pem"), key("root-2036.pem"));
    assert_eq!(key("root-by-root-2036.pem"), key("root.pem"));
    assert_ne!(key("root.pem"), key("root-2036.pem"));
}

#[test]
fn signs_the_transcript_with_both_keys() {
    let bench = rolled_over();

    let old = bench.tool(&[
        "verify",
        "rollover-2036.transcript.json",
        "--root",
        "root.pem",
    ]);
    let new = bench.tool(&[
        "verify",
        "rollover-2036.transcript.json",
        "--root",
        "root-2036.pem",
    ]);

    for outcome in [old, new] {
        let report = outcome.expect_success();
        assert!(
            report.contains("ok      signature by the old root"),
            "{report}"
        );
        assert!(
            report.contains("ok      signature by the new root"),
            "{report}"
        );
        assert!(
            report.contains("root-2036-by-root.pem (new root by old root): signed by the old root")
        );
    }
}

#[test]
fn refuses_the_old_root_s_name_for_the_new_one() {
    let bench = Bench::with_typed_root();
    bench.sample("rollover.toml");
    let plan = bench
        .read("rollover.toml")
        .replace("Root CA 2036", "Root CA 2026");
    bench.write("rollover.toml", plan);

    let outcome = bench.run("rollover.toml", &["Olga", ""]);

    assert!(outcome.expect_code(3).contains("needs another name"));
}
