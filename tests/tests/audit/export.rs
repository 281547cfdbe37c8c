//! `audit export` writes every event as a line of JSON.

use ca_tests::TestCa;
use serde_json::Value;

use crate::aside::Aside;
use crate::database::{Kind, on_both_databases};
use crate::{printed, with_events};

on_both_databases!(writes_every_event_once_in_order, writes_what_was_asked_for);

fn exported(ca: &TestCa, arguments: &[&str]) -> Vec<Value> {
    let text = printed(ca, &[&["audit", "export"], arguments].concat());
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn writes_every_event_once_in_order(kind: Kind) {
    let ca = with_events(kind).await;
    let aside = Aside::of(&ca).await;
    let all: i64 = aside.value("SELECT count(*) FROM audit_event").await;
    aside.close().await;

    let events = exported(&ca, &[]);

    let positions: Vec<i64> = events
        .iter()
        .map(|event| event["position"].as_i64().unwrap())
        .collect();
    assert_eq!(positions, (1..=all).collect::<Vec<_>>());
    for event in &events {
        assert_eq!(event["hash"].as_str().unwrap().len(), 64, "{event}");
        assert!(event["details"].is_object(), "{event}");
        for member in ["at", "kind", "actor", "subject"] {
            assert!(event[member].is_string(), "{event}");
        }
    }
}

async fn writes_what_was_asked_for(kind: Kind) {
    let ca = with_events(kind).await;
    let all = exported(&ca, &[]);
    let issued = all
        .iter()
        .find(|event| {
            event["kind"] == "certificate.issued"
                && event["actor"].as_str().unwrap().starts_with("acme:")
        })
        .unwrap();
    let text = |member: &str| issued[member].as_str().unwrap();

    let of_the_account = exported(&ca, &["--actor", text("actor")]);
    let family = exported(&ca, &["--kind", "certificate."]);
    let serial = exported(&ca, &["--subject", text("subject")]);
    let recent = exported(&ca, &["--since", "1h"]);
    let old = exported(&ca, &["--until", "1h"]);
    let since_then = exported(&ca, &["--since", text("at")]);

    assert!(
        of_the_account
            .iter()
            .all(|one| one["actor"] == issued["actor"])
    );
    assert!(of_the_account.len() > 1 && of_the_account.len() < all.len());
    let certificate = |one: &Value| one["kind"].as_str().unwrap().starts_with("certificate.");
    assert_eq!(
        family.len(),
        all.iter().filter(|one| certificate(one)).count()
    );
    assert_eq!(serial.len(), 2, "{serial:?}");
    assert_eq!((recent.len(), old.len()), (all.len(), 0));
    assert!(since_then.contains(issued));
    let wrong = ca.command(&["audit", "export", "--since", "yesterday"]);
    assert_eq!(wrong.status.code(), Some(2));
}
