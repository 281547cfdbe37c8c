//! Ceremonies with the root's key in a PKCS#11 token: Debian's SoftHSM, made for each test.

use crate::bench::Bench;

const PIN: &str = "271828";

/// A folder with an empty token and the token samples.
fn token_bench() -> Bench {
    let mut bench = Bench::new();
    std::fs::create_dir(bench.path("tokens")).unwrap();
    let tokens = bench.path("tokens").display().to_string();
    bench.write(
        "softhsm2.conf",
        format!("directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n"),
    );
    let configuration = bench.path("softhsm2.conf").display().to_string();
    bench.set("SOFTHSM2_CONF", &configuration);
    let arguments = [
        "--init-token",
        "--free",
        "--label",
        "offline-root",
        "--pin",
        PIN,
        "--so-pin",
        "314159",
    ];
    bench
        .program("softhsm2-util", &arguments, "")
        .expect_success();
    for sample in ["root", "intermediate", "crl", "cross-sign", "rollover"] {
        bench.sample(&format!("token/{sample}.toml"));
    }
    bench
}

fn with_token_root() -> Bench {
    let bench = token_bench();
    bench
        .run("root.toml", &["Olga", "", "yes", PIN])
        .expect_success();
    bench
}

#[test]
fn holds_every_kind_of_ceremony() {
    let bench = with_token_root();
    bench.openssl(&["verify", "-x509_strict", "-CAfile", "root.pem", "root.pem"]);

    bench.request("tls", "/CN=Example TLS CA");
    let fingerprint = bench.fingerprint("req", "tls.csr");
    bench
        .run("intermediate.toml", &["Olga", "", &fingerprint, "yes", PIN])
        .expect_success();
    bench.openssl(&["verify", "-x509_strict", "-CAfile", "root.pem", "tls.pem"]);

    bench
        .run("crl.toml", &["Olga", "", "yes", "yes", PIN])
        .expect_success();
    bench.openssl(&[
        "crl",
        "-in",
        "root-1.crl",
        "-inform",
        "DER",
        "-CAfile",
        "root.pem",
        "-noout",
    ]);

    let fingerprint = bench.fingerprint("x509", "root.pem");
    bench
        .run(
            "rollover.toml",
            &["Olga", "", &fingerprint, "yes", PIN, PIN],
        )
        .expect_success();
    bench.openssl(&[
        "verify",
        "-x509_strict",
        "-CAfile",
        "root.pem",
        "root-2036-by-root.pem",
    ]);

    std::fs::copy(bench.path("root-2036.pem"), bench.path("other-root.pem")).unwrap();
    let fingerprint = bench.fingerprint("x509", "other-root.pem");
    bench
        .run("cross-sign.toml", &["Olga", "", &fingerprint, "yes", PIN])
        .expect_success();
    bench.openssl(&[
        "verify",
        "-x509_strict",
        "-CAfile",
        "root.pem",
        "other-by-root.pem",
    ]);

    for transcript in [
        "root",
        "tls",
        "root-1.crl",
        "rollover-2036",
        "other-by-root",
    ] {
        let file = format!("{transcript}.transcript.json");
        bench
            .tool(&["verify", &file, "--root", "root.pem"])
            .expect_success();
        assert!(!bench.read(&file).contains(PIN), "{file}");
    }
}

#[test]
fn refuses_a_wrong_pin() {
    let bench = token_bench();

    bench
        .run("root.toml", &["Olga", "", "yes", "000000"])
        .expect_code(6);

    assert!(!bench.exists("root.pem"));
}

#[test]
fn never_makes_a_second_key_of_the_same_name() {
    let bench = with_token_root();
    let again = bench.read("root.toml").replace("\"root.", "\"again.");
    bench.write("again.toml", again);

    bench
        .run("again.toml", &["Olga", "", "yes", PIN])
        .expect_code(6);

    assert!(!bench.exists("again.pem"));
}

#[test]
fn does_not_touch_the_token_in_a_rehearsal() {
    let bench = token_bench();

    bench
        .rehearse("root.toml", &["Olga", "", "yes"])
        .expect_success();

    let subject = bench.openssl(&[
        "x509",
        "-in",
        "rehearsal/root/root.pem",
        "-noout",
        "-subject",
    ]);
    assert!(subject.contains("REHEARSAL"), "{subject}");
    bench
        .run("root.toml", &["Olga", "", "yes", PIN])
        .expect_success();
}

#[test]
fn refuses_a_passphrase_for_a_token() {
    let bench = token_bench();
    let plan = bench
        .read("root.toml")
        .replace("algorithm =", "passphrase = \"typed\"\nalgorithm =");
    bench.write("root.toml", plan);

    let message = bench
        .run("root.toml", &["Olga", "", "yes", PIN])
        .expect_code(3);

    assert!(message.contains("PIN and no passphrase"), "{message}");
}
