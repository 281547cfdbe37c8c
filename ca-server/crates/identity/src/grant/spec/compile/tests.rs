use serde_json::{Value, json};

use super::*;

fn written(change: impl FnOnce(&mut Value)) -> Result<Grant, Vec<String>> {
    let mut text = json!({
        "name": "jobs",
        "who": { "oidc": "gitlab", "claims": { "project_id": 42, "ref_protected": true } },
        "profiles": ["mtls"],
        "identifiers": ["dns:*.ci.example", "ip:10.0.0.0/8"],
        "deny": ["dns:vault.ci.example"],
        "wildcards": true,
        "max_lifetime": "1h",
        "networks": ["10.1.2.3/8", "::1"],
        "expires": "2026-12-31T00:00:00Z",
        "uses": 7,
        "subject": { "common_name": "ci:{project_path}", "organizations": ["builders"] },
    });
    change(&mut text);
    let spec: GrantSpec = serde_json::from_value(text).map_err(|error| vec![error.to_string()])?;
    spec.compile(Origin::Api)
}

#[test]
fn reads_every_key_and_writes_it_back() {
    let grant = written(|_| {}).unwrap();

    let shown = GrantSpec::from(&grant);

    assert_eq!(shown.compile(Origin::Api), Ok(grant));
    assert_eq!(shown.networks, ["10.0.0.0/8", "::1/128"]);
    assert_eq!(shown.who.claims["ref_protected"].0, "true");
}

#[test]
fn reads_every_form_of_who() {
    let cases = [
        (json!({ "client": "deployer" }), "client deployer"),
        (
            json!({ "certificate": "spiffe://x.example/ci/*" }),
            "certificates with uri:spiffe://x.example/ci/*",
        ),
        (
            json!({ "certificate": "*.ci.example" }),
            "certificates with dns:*.ci.example",
        ),
        (
            json!({ "certificate": "ip:10.0.0.0/8" }),
            "certificates with ip:10.0.0.0/8",
        ),
        (json!({ "role": "operator" }), "the role operator"),
    ];

    for (who, expected) in cases {
        let grant = written(|it| {
            it["who"] = who;
            it["subject"] = Value::Null;
        });
        assert_eq!(grant.unwrap().who.to_string(), expected);
    }
}

#[test]
fn refuses_each_thing_that_cannot_work() {
    let cases = [
        ("/name", json!("Jobs"), "lower-case"),
        ("/who", json!({}), "exactly one of"),
        (
            "/who",
            json!({ "client": "a", "role": "admin" }),
            "exactly one of",
        ),
        ("/who", json!({ "client": "" }), "must not be empty"),
        (
            "/who",
            json!({ "client": "a", "claims": { "b": "c" } }),
            "claims need oidc",
        ),
        (
            "/who",
            json!({ "oidc": "gitlab" }),
            "must ask for some text",
        ),
        (
            "/who",
            json!({ "oidc": "gitlab", "claims": { "sub": "**" } }),
            "must ask for some text",
        ),
        (
            "/who",
            json!({ "oidc": "gitlab", "claims": { "sub": "" } }),
            "not a glob",
        ),
        (
            "/who",
            json!({ "oidc": "gitlab", "claims": { "sub": 1.5 } }),
            "whole number",
        ),
        (
            "/who",
            json!({ "role": "root" }),
            "not admin, operator or auditor",
        ),
        (
            "/who",
            json!({ "certificate": "a*.example" }),
            "not a pattern",
        ),
        ("/who", json!({ "claim": {} }), "unknown field"),
        ("/profiles", json!([]), "must not be empty"),
        ("/identifiers", json!(["a.example"]), "not a pattern"),
        (
            "/identifiers",
            json!(["dns:ci.example"]),
            "wildcards = true allows nothing",
        ),
        ("/deny", json!(["dns:a*"]), "not a pattern"),
        ("/max_lifetime", json!("1m"), "2m to 24h"),
        ("/max_lifetime", json!("2 days"), "2m to 24h"),
        ("/max_lifetime", json!("soon"), "max_lifetime"),
        (
            "/networks",
            json!(["10.0.0.0/40"]),
            "not an address or a network",
        ),
        ("/expires", json!("tomorrow"), "not a moment"),
        ("/uses", json!(0), "uses must be"),
        ("/subject", json!({}), "common_name or organizations"),
        ("/subject", json!({ "common_name": "{a" }), "not closed"),
    ];

    for (pointer, value, expected) in cases {
        let faults = written(|it| *it.pointer_mut(pointer).unwrap() = value.clone()).unwrap_err();
        assert!(faults.join("\n").contains(expected), "{value}: {faults:?}");
    }
}

#[test]
fn refuses_claims_in_a_subject_for_those_who_have_none() {
    let faults = written(|it| it["who"] = json!({ "client": "deployer" })).unwrap_err();

    assert!(
        faults.join("\n").contains("only tokens have claims"),
        "{faults:?}"
    );
}

#[test]
fn a_grant_without_identifiers_needs_a_subject() {
    let users = written(|it| {
        it["identifiers"] = json!([]);
        it["wildcards"] = json!(false);
    });
    let nothing = written(|it| {
        it["identifiers"] = json!([]);
        it["wildcards"] = json!(false);
        it["subject"] = Value::Null;
    });

    assert!(users.is_ok(), "{users:?}");
    assert!(nothing.unwrap_err().join("\n").contains("no subject"));
}

#[test]
fn lists_every_fault_at_once() {
    let spec: GrantSpec = serde_json::from_value(json!({
        "name": "X",
        "who": { "oidc": "elsewhere", "claims": { "a": "***" } },
        "profiles": ["nowhere"],
        "identifiers": ["b", "c"],
        "networks": ["d"],
    }))
    .unwrap();

    let faults = spec
        .check(Origin::Configured, &KnownNames::default())
        .unwrap_err();

    assert_eq!(faults.len(), 7, "{faults:#?}");
}
