//! Transcripts: what they record, and what `verify` and `inspect` make of them.

use crate::bench::{Bench, PASSPHRASE};

const TRANSCRIPT: &str = "root.transcript.json";

#[test]
fn is_signed_so_that_openssl_can_check_it() {
    let bench = Bench::with_typed_root();
    let key = bench.openssl(&["x509", "-in", "root.pem", "-noout", "-pubkey"]);
    bench.write("key.pem", key);

    let verdict = bench.openssl(&[
        "dgst",
        "-sha384",
        "-verify",
        "key.pem",
        "-signature",
        "root.transcript.json.sig",
        TRANSCRIPT,
    ]);

    assert_eq!(verdict, "Verified OK\n");
}

#[test]
fn records_who_typed_what_and_no_secret() {
    let bench = Bench::with_root();

    let text = bench.read(TRANSCRIPT);
    let transcript: serde_json::Value = serde_json::from_str(&text).unwrap();

    assert_eq!(transcript["people"]["operator"], "Olga");
    assert_eq!(transcript["people"]["witnesses"][1], "Wanda");
    assert_eq!(transcript["shares"][4]["custodian"], "Eva");
    assert_eq!(transcript["shares"][4]["threshold"], 3);
    assert_eq!(transcript["typed"][2]["answer"], "yes");
    assert_eq!(
        transcript["tool"]["program_sha256"].as_str().unwrap().len(),
        64
    );
    for share in 1..=5 {
        let file = bench.read(&format!("shares/share-{share}-of-5.txt"));
        assert!(
            !text.contains(file.lines().last().unwrap()),
            "share {share}"
        );
    }
}

#[test]
fn does_not_record_a_passphrase() {
    let bench = Bench::with_typed_root();

    assert!(!bench.read(TRANSCRIPT).contains(PASSPHRASE));
}

#[test]
fn verifies_from_files_alone() {
    let bench = Bench::with_typed_root();
    let archive = Bench::new();
    for name in ["root.pem", TRANSCRIPT, "root.transcript.json.sig"] {
        std::fs::copy(bench.path(name), archive.path(name)).unwrap();
    }

    let report = archive
        .tool(&["verify", TRANSCRIPT, "--root", "root.pem"])
        .expect_success();

    for expected in [
        "ok      signature by the root, CN=Example Root CA 2026,O=Example (ecdsa-with-SHA384)",
        "ok      the root is the one given with --root",
        "ok      root.pem (root): as it was written",
        "ok      root.pem (root): signed by the root",
        "-       root.key (root key): not here, as it should be",
    ] {
        assert!(
            report.contains(expected),
            "{expected:?} is not in\n{report}"
        );
    }
}

#[test]
fn fails_when_one_letter_of_it_was_changed() {
    let bench = Bench::with_typed_root();
    let changed = bench.read(TRANSCRIPT).replace("Olga", "Olaf");
    bench.write(TRANSCRIPT, changed);

    let message = bench.tool(&["verify", TRANSCRIPT]).expect_code(9);

    assert!(message.contains("signature does not verify"), "{message}");
}

#[test]
fn fails_when_an_output_was_exchanged_or_lost() {
    let bench = Bench::with_typed_root();
    bench.write(
        "crl.toml",
        "kind = \"crl\"\nroot = \"root.pem\"\nkey = { uri = \"file:root.key\" }\n\
         validity = { lifetime = \"1y\" }\noutput = { crl = \"root.crl\", transcript = \"crl.json\" }\n",
    );
    bench
        .run("crl.toml", &["Olga", "", "yes", "yes", PASSPHRASE])
        .expect_success();

    bench.tool(&["verify", "crl.json"]).expect_success();
    bench.write("root.crl", "exchanged");
    let exchanged = bench.tool(&["verify", "crl.json"]);
    std::fs::remove_file(bench.path("root.crl")).unwrap();
    let lost = bench.tool(&["verify", "crl.json"]);

    assert!(
        exchanged
            .stdout
            .contains("FAILED  root.crl (crl): is not the file that was written")
    );
    assert!(lost.stdout.contains("FAILED  root.crl (crl): is missing"));
    exchanged.expect_code(9);
    lost.expect_code(9);
}

#[test]
fn fails_for_a_root_that_did_not_sign_it() {
    let bench = Bench::with_typed_root();
    let other = Bench::with_typed_root();
    std::fs::copy(other.path("root.pem"), bench.path("other.pem")).unwrap();

    let message = bench
        .tool(&["verify", TRANSCRIPT, "--root", "other.pem"])
        .expect_code(9);

    assert!(message.contains("did not sign it"), "{message}");
}

#[test]
fn fails_when_the_signature_is_missing() {
    let bench = Bench::with_typed_root();
    std::fs::remove_file(bench.path("root.transcript.json.sig")).unwrap();

    bench.tool(&["verify", TRANSCRIPT]).expect_code(9);
}

#[test]
fn inspect_explains_every_artefact() {
    let bench = Bench::with_root();
    bench.request("tls", "/CN=Example TLS CA");
    bench.openssl(&[
        "x509", "-in", "root.pem", "-outform", "DER", "-out", "root.cer",
    ]);

    let text = bench
        .tool(&[
            "inspect",
            "root.pem",
            "root.cer",
            "tls.csr",
            "tls-private.pem",
            "root.key",
            "shares/share-2-of-5.txt",
            TRANSCRIPT,
            "root.toml",
        ])
        .expect_success();

    for expected in [
        "root.pem: certificate\n",
        "CA              yes, any number of CAs below",
        "(itself; the signature holds)",
        "root.cer: certificate\n",
        "tls.csr: certificate request; its signature holds",
        "tls-private.pem: private key, NOT ENCRYPTED",
        "root.key: encrypted private key (PKCS#8)\n  passphrase through scrypt",
        "share 2 of 5 of set",
        "held by Olga, witnessed by Wim, Wanda",
        "root.toml: ceremony file of kind root",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
    let share = bench.read("shares/share-2-of-5.txt");
    assert!(!text.contains(share.lines().last().unwrap()));
}

#[test]
fn inspect_refuses_what_it_does_not_know() {
    let bench = Bench::new();
    bench.write("noise", [0xff; 100]);

    bench.tool(&["inspect", "noise"]).expect_code(7);
    bench.tool(&["inspect", "missing"]).expect_code(7);
}
