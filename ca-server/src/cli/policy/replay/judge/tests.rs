use ca_issuance::ledger::CertificateState;
use ca_pki::{Serial, Validity};
use serde_json::{Value, json};

use super::*;
use crate::cli::policy::bench;

/// A certificate as the past left it.
fn record(name: &str, provenance: Option<Value>) -> CertificateRecord {
    let now = ca_pki::Timestamp::from_unix_secs(1_795_305_120);
    CertificateRecord {
        serial: Serial::parse_hex("01").unwrap(),
        issuer: "tls".to_owned(),
        profile: "tls-server".to_owned(),
        identifiers: vec![Identifier::parse("dns", name).unwrap()],
        validity: Validity {
            not_before: now,
            not_after: now,
        },
        key_fingerprint: [0; 32],
        requested_by: "acme:default:Zx".to_owned(),
        requester: "acme:default:Zx".to_owned(),
        order: None,
        grant: None,
        provenance,
        recorded_at: now,
        state: CertificateState::Valid,
        der: None,
    }
}

fn job() -> Value {
    json!({
        "kind": "oidc",
        "provider": "gitlab",
        "subject": "job",
        "claims": { "project_id": "42", "project_path": "group/web" },
    })
}

fn by_api() -> Option<Value> {
    Some(json!({
        "door": "api",
        "principal": job(),
        "address": "10.1.2.3",
        "grant": "jobs",
        "lifetime_secs": null,
        "renews": null,
    }))
}

fn reasons(judged: Judged) -> String {
    match judged {
        Judged::Refused(reasons) => reasons.join("\n"),
        Judged::OfTheServer | Judged::Unknown | Judged::Allowed => panic!("{judged:?}"),
    }
}

#[test]
fn what_is_granted_today_is_allowed() {
    let judged = judge(
        &bench::present(),
        &record("a.ci.example.internal", by_api()),
    );

    assert_eq!(judged, Judged::Allowed);
}

#[test]
fn a_grant_that_was_narrowed_refuses_what_it_gave() {
    let certificate = record("a.ci.example.internal", by_api());
    let narrowed = [
        (
            "dns:*.ci.example.internal",
            "dns:b.ci.example.internal",
            "is not covered by",
        ),
        (
            "project_id = \"42\"",
            "project_id = \"43\"",
            "claim project_id",
        ),
        ("10.0.0.0/8", "10.9.0.0/16", "is in none of"),
        (
            "identifiers = [\"dns\"]\n\n[[profile]]",
            "identifiers = [\"ip\"]\n\n[[profile]]",
            "does not allow dns",
        ),
    ];

    for (from, to, expected) in narrowed {
        let reasons = reasons(judge(&bench::changed(from, to), &certificate));
        assert!(reasons.contains(expected), "{to}: {reasons}");
    }
}

#[test]
fn names_that_challenges_proved_are_judged_by_their_directory() {
    let inside = record("web.example.internal", None);
    let outside = record("web.example.com", None);
    let renamed = bench::changed("name = \"default\"", "name = \"other\"");

    assert_eq!(judge(&bench::present(), &inside), Judged::Allowed);
    assert!(reasons(judge(&bench::present(), &outside)).contains("no rule allows it"));
    assert!(reasons(judge(&renamed, &inside)).contains("no [[acme]] \"default\""));
}

#[test]
fn of_an_acme_order_the_granted_names_need_their_grant() {
    let provenance = |granted: &[&str]| {
        Some(json!({
            "door": "acme",
            "directory": "default",
            "account": "Zx",
            "address": "10.1.2.3",
            "principal": job(),
            "grant": "jobs",
            "granted": granted,
        }))
    };
    let granted = record(
        "a.ci.example.internal",
        provenance(&["dns:a.ci.example.internal"]),
    );
    let proven = record("a.ci.example.internal", provenance(&[]));
    let withdrawn = bench::changed("project_id = \"42\"", "project_id = \"43\"");

    assert_eq!(judge(&bench::present(), &granted), Judged::Allowed);
    assert!(reasons(judge(&withdrawn, &granted)).contains("grant jobs: who"));
    assert_eq!(judge(&withdrawn, &proven), Judged::Allowed);
}

#[test]
fn a_certificate_with_a_subject_and_no_names_is_judged_by_its_grant() {
    let certificate = CertificateRecord {
        identifiers: Vec::new(),
        profile: "client".to_owned(),
        ..record("a.ci.example.internal", by_api())
    };
    let withdrawn = bench::changed("project_id = \"42\"", "project_id = \"43\"");

    assert_eq!(judge(&bench::present(), &certificate), Judged::Allowed);
    assert!(reasons(judge(&withdrawn, &certificate)).contains("claim project_id"));
}

#[test]
fn leaves_the_server_and_what_nobody_kept_alone() {
    let own = CertificateRecord {
        profile: tls::PROFILE.to_owned(),
        ..record("ca.example.internal", None)
    };
    let unknown = CertificateRecord {
        requested_by: "operator:anna".to_owned(),
        ..record("a.ci.example.internal", None)
    };

    assert_eq!(judge(&bench::present(), &own), Judged::OfTheServer);
    assert_eq!(judge(&bench::present(), &unknown), Judged::Unknown);
}
