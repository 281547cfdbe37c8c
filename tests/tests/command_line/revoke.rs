//! `revoke` finds whose certificate it is.

use std::process::Output;

use ca_tests::{RawAcme, TestCa, openssl};
use toml::Value;

use crate::text;

#[tokio::test]
async fn revokes_of_whichever_issuer_by_file_or_serial() {
    let ca = rolled_over();
    let client = RawAcme::registered(&ca).await;
    let by_file = client.obtain(&["by-file.example.internal"]).await;
    let by_serial = client.obtain(&["by-serial.example.internal"]).await;
    let file = openssl::file_with(by_file.chain_pem.as_bytes());
    let file = file.path().display().to_string();

    let first = revoke(&ca, &["--certificate", &file]);
    let second = revoke(&ca, &["--serial", &by_serial.serial()]);

    assert!(first.status.success(), "{first:?}");
    assert!(second.status.success(), "{second:?}");
    for issued in [by_file, by_serial] {
        let again = revoke(&ca, &["--issuer", "new", "--serial", &issued.serial()]);
        assert!(text(&again.stdout).contains("revoked before"), "{again:?}");
    }
}

#[tokio::test]
async fn revokes_nothing_that_the_issuers_in_question_did_not_issue() {
    let ca = rolled_over();
    let client = RawAcme::registered(&ca).await;
    let issued = client.obtain(&["stays.example.internal"]).await;
    let serial = issued.serial();
    let forged = openssl::file_with(with_serial(&serial).as_bytes());
    let forged = forged.path().display().to_string();

    for (arguments, says) in [
        (["--certificate", &forged].as_slice(), "none of: old, new"),
        (&["--serial", "0a"], "none of: old, new"),
        (&["--issuer", "old", "--serial", &serial], "none of: old"),
        (
            &["--issuer", "x", "--serial", &serial],
            "no [[issuer]] \"x\"",
        ),
    ] {
        let output = revoke(&ca, arguments);

        assert_eq!(output.status.code(), Some(7), "{arguments:?}: {output:?}");
        assert!(text(&output.stderr).contains(says), "{says}: {output:?}");
    }
    let at_last = revoke(&ca, &["--issuer", "new", "--serial", &serial]);
    let said = text(&at_last.stdout);
    assert!(said.starts_with("revoked "), "{at_last:?}");
}

/// Starts a CA whose issuer is not the first in the configuration, nor named as quickstart does.
fn rolled_over() -> TestCa {
    let ca = TestCa::builder()
        .edit(|config| {
            config["issuer"][0]["name"] = Value::from("new");
            for profile in config["profile"].as_array_mut().unwrap() {
                profile["issuer"] = Value::from("new");
            }
        })
        .start();
    ca.edit(|config| {
        let issuers = config["issuer"].as_array_mut().unwrap();
        let mut old = issuers[0].clone();
        old["name"] = Value::from("old");
        issuers.insert(0, old);
    });
    ca
}

fn revoke(ca: &TestCa, arguments: &[&str]) -> Output {
    ca.command(&[&["revoke", "--reason", "superseded"], arguments].concat())
}

/// Makes a certificate of nobody's, which anybody can.
fn with_serial(serial: &str) -> String {
    let serial = format!("0x{serial}");
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let subject = ["-nodes", "-keyout", "/dev/null", "-subj", "/CN=forged"];
    let own = ["req", "-x509", "-set_serial", &serial];
    openssl::run(&[own.as_slice(), &key, &subject].concat())
}
