//! `audit verify` names what is wrong first, and `--checkpoint` what the database cannot show.

use std::fs;

use crate::aside::Aside;
use crate::database::{Kind, on_both_databases};
use crate::{happen, printed, tamper, verify, with_events};

on_both_databases!(
    counts_the_events_of_an_untouched_log,
    names_the_first_event_of_which_one_octet_was_changed,
    names_where_an_event_was_removed,
    names_an_event_that_was_inserted,
    names_the_last_event_removed,
    needs_a_kept_checkpoint_where_the_checkpoints_were_cut_too,
    takes_kept_checkpoints_from_files_logs_and_the_command_line,
);

async fn counts_the_events_of_an_untouched_log(kind: Kind) {
    let ca = with_events(kind).await;

    let (code, said) = verify(&ca, &[]);

    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the audit log holds"), "{said}");
    assert!(said.contains(", 0 not sealed"), "{said}");
}

async fn names_the_first_event_of_which_one_octet_was_changed(kind: Kind) {
    let ca = with_events(kind).await;
    tamper(
        &ca,
        &["CREATE TABLE untouched AS SELECT * FROM audit_event"],
    )
    .await;
    let aside = Aside::of(&ca).await;
    let query = "SELECT sequence FROM audit_event WHERE position = 3";
    let sequence: i64 = aside.value(query).await;
    aside.close().await;
    let hash = match kind {
        Kind::Sqlite => "CAST(substr(hash, 1, 31) || X'00' AS BLOB)",
        Kind::Postgres => "set_byte(hash, 31, get_byte(hash, 31) # 1)",
    };

    for (column, value, named) in [
        ("sequence", "sequence + 1048576", sequence + 1_048_576),
        ("at", "at + 1", sequence),
        ("kind", "'X' || substr(kind, 2)", sequence),
        ("actor", "'X' || substr(actor, 2)", sequence),
        ("subject", "'~' || substr(subject, 2)", sequence),
        ("details", "replace(details, '{', '[')", sequence),
        ("hash", hash, sequence),
    ] {
        let change = format!("UPDATE audit_event SET {column} = {value} WHERE position = 3");
        // A later one is no news.
        let later = "UPDATE audit_event SET subject = 'later' WHERE position = 4";
        tamper(&ca, &[&change, later]).await;

        let (code, said) = verify(&ca, &[]);

        let expected = format!("event {named} at position 3 was changed or inserted");
        assert_eq!(code, Some(7), "{column}: {said}");
        assert!(said.contains(&expected), "{column}: {said}");
        let restored = [
            "DELETE FROM audit_event",
            "INSERT INTO audit_event SELECT * FROM untouched",
        ];
        tamper(&ca, &restored).await;
    }
    assert_eq!(verify(&ca, &[]).0, Some(0));
}

async fn names_where_an_event_was_removed(kind: Kind) {
    let ca = with_events(kind).await;

    tamper(&ca, &["DELETE FROM audit_event WHERE position = 2"]).await;

    let (code, said) = verify(&ca, &[]);
    assert_eq!(code, Some(7), "{said}");
    assert!(said.contains("position 2 was removed"), "{said}");
}

async fn names_an_event_that_was_inserted(kind: Kind) {
    let ca = with_events(kind).await;

    // Positions are unique on the way, too.
    tamper(
        &ca,
        &[
            "UPDATE audit_event SET position = -position - 1 WHERE position >= 3",
            "UPDATE audit_event SET position = -position WHERE position < 0",
            "INSERT INTO audit_event (sequence, at, kind, actor, subject, details, position, hash) \
             SELECT 9999, at, kind, actor, subject, details, 3, hash \
             FROM audit_event WHERE position = 2",
        ],
    )
    .await;

    let (code, said) = verify(&ca, &[]);
    assert_eq!(code, Some(7), "{said}");
    assert!(said.contains("event 9999 at position 3"), "{said}");
}

async fn names_the_last_event_removed(kind: Kind) {
    let ca = with_events(kind).await;
    let last = "SELECT max(position) FROM audit_event";
    let aside = Aside::of(&ca).await;
    let position: i64 = aside.value(last).await;
    aside.close().await;

    let removal = format!("DELETE FROM audit_event WHERE position = {position}");
    tamper(&ca, &[&removal]).await;

    let (code, said) = verify(&ca, &[]);
    let expected = format!("positions {position} to {position} were removed");
    assert_eq!(code, Some(7), "{said}");
    assert!(said.contains(&expected), "{said}");
}

async fn needs_a_kept_checkpoint_where_the_checkpoints_were_cut_too(kind: Kind) {
    let ca = with_events(kind).await;
    let early = printed(&ca, &["audit", "checkpoint"]);
    let position: serde_json::Value = serde_json::from_str(&early).unwrap();
    let position = &position["position"];
    // As if an hour had passed: one of the hour stays.
    tamper(
        &ca,
        &["CREATE TABLE early AS SELECT * FROM audit_checkpoint"],
    )
    .await;
    ca.start();
    happen(&ca).await;
    let kept = printed(&ca, &["audit", "checkpoint"]);

    let cut = format!("DELETE FROM audit_event WHERE position > {position}");
    let checkpoints = [
        "DELETE FROM audit_checkpoint",
        "INSERT INTO audit_checkpoint SELECT * FROM early",
    ];
    tamper(&ca, &[&cut, checkpoints[0], checkpoints[1]]).await;

    let (alone, said_alone) = verify(&ca, &[]);
    let (early, said_early) = verify(&ca, &["--checkpoint", &early]);
    let (code, said) = verify(&ca, &["--checkpoint", &kept]);
    assert_eq!(alone, Some(0), "{said_alone}");
    assert_eq!(early, Some(0), "{said_early}");
    assert_eq!(code, Some(7), "{said}");
    let first = position.as_u64().unwrap() + 1;
    assert!(said.contains(&format!("positions {first} to ")), "{said}");
}

async fn takes_kept_checkpoints_from_files_logs_and_the_command_line(kind: Kind) {
    let ca = with_events(kind).await;
    let kept = printed(&ca, &["audit", "checkpoint"]);
    let file = ca.folder().join("kept.jsonl");
    ca.wait_for_log("sealed the audit log");
    let log = ca.log();
    let mut lines = log.lines();
    let logged = lines.rfind(|line| line.contains("sealed the audit log"));
    let logged = logged.unwrap();
    fs::write(&file, format!("{kept}\n{logged}\n")).unwrap();
    let file = file.display().to_string();
    let damaged = ca.folder().join("damaged.jsonl");
    fs::write(&damaged, format!("{kept}\n{{\"position\":1}}\n")).unwrap();
    let damaged = damaged.display().to_string();

    let (code, said) = verify(&ca, &["--checkpoint", &kept, "--checkpoint", &file]);
    let (refused, why) = verify(&ca, &["--checkpoint", &damaged]);
    let (missing, _) = verify(&ca, &["--checkpoint", "nowhere"]);

    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("3 kept checkpoints agree"), "{said}");
    assert_eq!((refused, missing), (Some(2), Some(2)), "{why}");
    assert!(why.contains("line 3"), "{why}");
}
