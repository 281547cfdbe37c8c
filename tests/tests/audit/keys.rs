//! Another key takes over: what the former one sealed still holds, and nothing that it did not.

use std::fs;

use ca_tests::TestCa;
use toml::{Table, Value};

use crate::database::{Kind, on_both_databases};
use crate::{happen, printed, said, tamper, verify, with_events};

on_both_databases!(
    another_key_takes_over,
    a_key_takes_over_from_the_database_s_secret,
    a_forger_s_checkpoint_is_not_sealed_onto,
    a_checkpoint_that_names_no_key_is_tried_with_each,
);

fn audit(ca: &TestCa, change: impl FnOnce(&mut Table)) {
    ca.edit(|config| {
        let section = config.entry("audit").or_insert(Value::Table(Table::new()));
        change(section.as_table_mut().unwrap());
    });
}

async fn another_key_takes_over(kind: Kind) {
    let ca = with_events(kind).await;
    let kept = printed(&ca, &["audit", "checkpoint"]);
    let public = printed(&ca, &["audit", "public-key"]);
    fs::write(ca.folder().join("audit-1.pem"), &public).unwrap();

    audit(&ca, |section| {
        section.insert("key".into(), "file:audit-2.key".into());
        section.insert("former_keys".into(), vec!["audit-1.pem".to_owned()].into());
    });
    printed(&ca, &["audit", "create-key"]);
    ca.start();
    happen(&ca).await;

    let newer = printed(&ca, &["audit", "checkpoint"]);
    let (code, found) = verify(&ca, &["--checkpoint", &kept, "--checkpoint", &newer]);
    audit(&ca, |section| {
        section.remove("former_keys");
    });
    let (forgotten, why) = verify(&ca, &["--checkpoint", &kept]);
    let key = |line: &str| -> String {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["key"].as_str().unwrap().to_owned()
    };
    assert_eq!(code, Some(0), "{found}");
    assert_ne!(key(&kept), key(&newer));
    assert_eq!(forgotten, Some(7), "{why}");
    assert!(
        why.contains(&key(&kept)) && why.contains("former_keys"),
        "{why}"
    );
    assert!(public.starts_with("-----BEGIN PUBLIC KEY-----"), "{public}");
}

async fn a_key_takes_over_from_the_database_s_secret(kind: Kind) {
    let ca = kind.builder().prepare();
    // Quickstart seals with a key from the first event on.
    let unmade = ["DELETE FROM audit_event", "DELETE FROM audit_checkpoint"];
    tamper(&ca, &unmade).await;
    audit(&ca, |section| {
        section.remove("key");
    });
    ca.start();
    happen(&ca).await;
    tamper(
        &ca,
        &["CREATE TABLE early AS SELECT * FROM audit_checkpoint"],
    )
    .await;

    audit(&ca, |section| {
        section.insert("key".into(), "file:audit.key".into());
    });
    let (unsure, why) = verify(&ca, &[]);
    audit(&ca, |section| {
        section.insert("former_keys".into(), vec!["database".to_owned()].into());
    });
    ca.start();
    happen(&ca).await;
    audit(&ca, |section| {
        section.remove("former_keys");
    });
    // One of the hour stays; put back, it stands below one that vouches.
    let put_back = "INSERT INTO audit_checkpoint SELECT * FROM early";
    tamper(&ca, &[put_back]).await;
    let (code, found) = verify(&ca, &[]);

    assert_eq!(unsure, Some(7), "{why}");
    assert_eq!(code, Some(0), "{found}");
}

async fn a_forger_s_checkpoint_is_not_sealed_onto(kind: Kind) {
    let ca = with_events(kind).await;

    tamper(
        &ca,
        &["UPDATE audit_checkpoint SET signature = hash, key = 'database'"],
    )
    .await;
    ca.start();
    happen(&ca).await;

    let checkpoint = ca.command(&["audit", "checkpoint"]);
    let (code, found) = verify(&ca, &[]);
    ca.wait_for_log("not sealed");
    assert_eq!(checkpoint.status.code(), Some(7), "{}", said(&checkpoint));
    assert_eq!(code, Some(7), "{found}");
    assert!(found.contains("forged"), "{found}");
}

async fn a_checkpoint_that_names_no_key_is_tried_with_each(kind: Kind) {
    let ca = with_events(kind).await;

    tamper(&ca, &["UPDATE audit_checkpoint SET key = ''"]).await;

    let (code, found) = verify(&ca, &[]);
    assert_eq!(code, Some(0), "{found}");
}
