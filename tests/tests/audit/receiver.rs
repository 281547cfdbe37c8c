//! A syslog receiver gets every event, also when it was away for a while.

use std::collections::BTreeMap;
use std::fs;

use ca_tests::acme::Issued;
use ca_tests::network::{LogReceiver, event_of};
use ca_tests::{RawAcme, TestCa};
use serde_json::Value;
use toml::Table;

use crate::database::{Kind, on_both_databases};
use crate::printed;

on_both_databases!(gets_every_event_although_it_died);

#[tokio::test]
async fn metrics_tell_what_waits() {
    let receiver = LogReceiver::start();
    let ca = handing_on_to(&receiver, Kind::Sqlite);
    ca.start();
    let client = RawAcme::registered(&ca).await;
    let issued = client.obtain(&["metrics.example.internal"]).await;
    receiver.wait_for(tells_of(&issued)).await;

    let text = reqwest::get(ca.plain_url("ops", "/metrics")).await.unwrap();
    let text = text.text().await.unwrap();

    for gauge in [
        "ca_audit_unsealed_events",
        "ca_audit_unsealed_seconds",
        "ca_audit_export_lag_events",
        "ca_audit_export_lag_seconds",
    ] {
        assert!(text.contains(&format!("\n{gauge} ")), "{gauge}: {text}");
    }
}

/// What TLS makes of that may panic (rustls built with debug assertions): the job has to go on.
#[tokio::test]
async fn hands_on_again_after_a_receiver_that_answered_nonsense() {
    let receiver = LogReceiver::start();
    let ca = handing_on_to(&receiver, Kind::Sqlite);
    receiver.rave_once();
    ca.start();
    let client = RawAcme::registered(&ca).await;
    let first = client.obtain(&["first.example.internal"]).await;
    receiver.wait_for(tells_of(&first)).await;

    let second = client.obtain(&["second.example.internal"]).await;
    receiver.wait_for(tells_of(&second)).await;

    assert!(!receiver.raves());
    assert_eq!(ca.stop(), 0, "{}", ca.log());
}

#[tokio::test]
async fn another_server_hands_on_what_the_holder_has_no_way_to() {
    let receiver = LogReceiver::start();
    let ca = handing_on_to(&receiver, Kind::Postgres);
    send_to(&ca, "127.0.0.1:1".to_owned()); // nobody listens there
    ca.start();
    send_to(&ca, receiver.address());
    let twin = ca.twin();
    let client = RawAcme::registered(&ca).await;

    let issued = client.obtain(&["no-way.example.internal"]).await;
    ca.wait_for_log("work is let go");
    receiver.wait_for(tells_of(&issued)).await;

    let log = ca.log();
    assert_eq!(log.matches("work is let go").count(), 1, "{log}");
    assert!(log.contains("audit.export"), "{log}");
    assert_eq!((ca.stop(), twin.stop()), (0, 0), "{log}");
}

#[tokio::test]
async fn a_server_does_not_start_with_a_receiver_that_cannot_be() {
    let receiver = LogReceiver::start();
    let ca = handing_on_to(&receiver, Kind::Sqlite);
    fs::write(ca.folder().join("logs.pem"), "nothing").unwrap();

    let refused = ca.try_start();

    assert_eq!(refused, Err(3), "{}", ca.log());
    assert!(ca.log().contains("audit.syslog"), "{}", ca.log());
}

fn tells_of(issued: &Issued) -> impl Fn(&str) -> bool {
    let serial = issued.serial().to_lowercase();
    move |message| message.contains(" certificate.issued ") && message.contains(&serial)
}

fn handing_on_to(receiver: &LogReceiver, kind: Kind) -> TestCa {
    let ca = kind.builder().prepare();
    send_to(&ca, receiver.address());
    fs::write(ca.folder().join("logs.pem"), receiver.certificate_pem()).unwrap();
    ca
}

/// Changes where the next start of the server hands on to.
fn send_to(ca: &TestCa, address: String) {
    ca.edit(|config| {
        let audit = config.get_mut("audit").unwrap().as_table_mut().unwrap();
        let syslog = Table::from_iter([
            ("address".to_owned(), address.into()),
            ("ca".to_owned(), "logs.pem".into()),
        ]);
        audit.insert("syslog".to_owned(), syslog.into());
    });
}

async fn gets_every_event_although_it_died(kind: Kind) {
    let receiver = LogReceiver::start();
    let ca = handing_on_to(&receiver, kind);
    receiver.die_after(3);
    ca.start();
    let client = RawAcme::registered(&ca).await;
    client.obtain(&["before.example.internal"]).await;

    receiver.death().await;
    let meanwhile = client.obtain(&["meanwhile.example.internal"]).await;
    receiver.come_back();
    receiver.wait_for(tells_of(&meanwhile)).await;

    assert_eq!(ca.stop(), 0, "{}", ca.log());
    let exported = printed(&ca, &["audit", "export"]);
    let exported: Vec<Value> = exported
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut times: BTreeMap<u64, usize> = BTreeMap::new();
    for message in receiver.messages() {
        let event = event_of(&message);
        let position = event["position"].as_u64().unwrap();
        *times.entry(position).or_default() += 1;
        let sequence = format!("[meta sequenceId=\"{position}\"]");
        assert!(message.contains(&sequence), "{message}");
        let written = exported
            .iter()
            .find(|one| one["position"] == event["position"]);
        let mut written = written.unwrap().clone();
        if event["details"]["left_out_octets"].is_u64() {
            written["details"] = event["details"].clone();
        }
        assert_eq!(event, written);
    }
    let positions: Vec<u64> = times.keys().copied().collect();
    let last = *positions.last().unwrap();
    assert_eq!(positions, (1..=last).collect::<Vec<_>>());
    assert!(
        times[&1] > 1,
        "what it had not confirmed came again: {times:?}"
    );
}
