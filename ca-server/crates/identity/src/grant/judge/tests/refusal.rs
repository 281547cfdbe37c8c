//! What a refusal says, and to whom.

use super::*;

#[test]
fn every_rule_can_fail_alone() {
    let one = [spec("jobs")];
    let network = [GrantSpec {
        networks: vec!["192.168.0.0/16".to_owned()],
        ..spec("jobs")
    }];
    let ended = [GrantSpec {
        expires: Some(NOW.to_string()),
        ..spec("jobs")
    }];
    let limited = [GrantSpec {
        uses: Some(3),
        ..spec("jobs")
    }];
    let subject = [GrantSpec {
        subject: serde_json::from_value(json!({ "common_name": "{absent}" })).unwrap(),
        ..spec("jobs")
    }];

    let cases = [
        (
            asked(&one, &[], |it| it.principal = job("43")),
            GrantRule::Who,
        ),
        (
            asked(&one, &[], |it| it.profile = "mtls"),
            GrantRule::Profile,
        ),
        (
            asked(&one, &[], |it| {
                it.identifiers = names(&["dns:a.prod.example"])
            }),
            GrantRule::Identifier,
        ),
        (
            asked(&one, &[], |it| it.identifiers.clear()),
            GrantRule::Identifier,
        ),
        (asked(&network, &[], |_| {}), GrantRule::Network),
        (asked(&ended, &[], |_| {}), GrantRule::Expiry),
        (asked(&limited, &[("jobs", 3)], |_| {}), GrantRule::Uses),
        (asked(&subject, &[], |_| {}), GrantRule::Subject),
    ];

    for (verdict, expected) in cases {
        assert_eq!(rules(verdict), [expected]);
    }
}

#[test]
fn lists_every_rule_that_failed_and_each_name() {
    let failed = rules(asked(&[spec("jobs")], &[], |it| {
        it.profile = "mtls";
        it.identifiers = names(&["dns:a.prod.example", "dns:a.ci.example", "dns:*.ci.example"]);
    }));

    assert_eq!(
        failed,
        [
            GrantRule::Profile,
            GrantRule::Identifier,
            GrantRule::Identifier
        ]
    );
}

#[test]
fn a_caller_learns_only_of_grants_that_are_for_it() {
    let other = GrantSpec {
        who: serde_json::from_value(json!({ "client": "secret-deployer" })).unwrap(),
        ..spec("others")
    };
    let mine = GrantSpec {
        identifiers: vec!["dns:*.mine.example".to_owned()],
        profiles: vec!["mtls".to_owned()],
        ..spec("mine")
    };

    let refusal = refused(asked(&[other, mine], &[], |_| {}));
    let shown = refusal.for_caller();

    assert_eq!(refusal.failures().len(), 2);
    assert_eq!(
        refusal.nearest(),
        Some("mine"),
        "though two rules failed in it and one in others"
    );
    assert_eq!(shown.failures.len(), 1);
    assert_eq!(shown.nearest, Some("mine"));
    assert!(!format!("{shown:?}").contains("secret-deployer"));
}

#[test]
fn a_caller_without_a_grant_learns_nothing() {
    let refusal = refused(asked(&[spec("jobs")], &[], |it| {
        it.principal = job("43");
    }));

    assert_eq!(refusal.nearest(), Some("jobs"));
    assert_eq!(refusal.for_caller().failures, Vec::<&GrantFailure>::new());
    assert_eq!(refusal.for_caller().nearest, None);
}
