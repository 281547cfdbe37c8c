use std::collections::BTreeSet;
use std::net::IpAddr;

use ca_pki::{Identifier, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::grant::{GrantSpec, Origin};
use crate::{Principal, Role};

const NOW: Timestamp = Timestamp::from_unix_secs(1_795_305_120);

fn spec(name: &str) -> GrantSpec {
    serde_json::from_value(json!({
        "name": name,
        "who": { "oidc": "gitlab", "claims": { "project_id": "42" } },
        "profiles": ["tls-server"],
        "identifiers": ["dns:*.ci.example"],
    }))
    .unwrap()
}

fn grants(specs: &[GrantSpec]) -> Vec<Arc<Grant>> {
    let compiled = specs.iter().map(|spec| spec.compile(Origin::Configured));
    compiled.map(|grant| Arc::new(grant.unwrap())).collect()
}

fn job(project_id: &str) -> Principal {
    let claims = json!({ "project_id": project_id, "project_path": "group/web" });
    Principal::Oidc {
        provider: "gitlab".to_owned(),
        subject: "job".to_owned(),
        claims: claims.as_object().unwrap().clone(),
    }
}

fn names(texts: &[&str]) -> BTreeSet<Identifier> {
    texts
        .iter()
        .map(|text| {
            let (kind, value) = text.split_once(':').unwrap();
            Identifier::parse(kind, value).unwrap()
        })
        .collect()
}

/// A request, owned.
struct Asked {
    principal: Principal,
    role: Option<Role>,
    profile: &'static str,
    identifiers: BTreeSet<Identifier>,
    address: Option<IpAddr>,
}

impl Default for Asked {
    /// What `spec` covers.
    fn default() -> Self {
        Self {
            principal: job("42"),
            role: None,
            profile: "tls-server",
            identifiers: names(&["dns:a.ci.example"]),
            address: Some("10.1.2.3".parse().unwrap()),
        }
    }
}

impl Asked {
    fn request(&self) -> GrantRequest<'_> {
        GrantRequest {
            principal: &self.principal,
            role: self.role,
            profile: self.profile,
            identifiers: &self.identifiers,
            address: self.address,
            at: NOW,
        }
    }
}

/// Judges a request that `spec` covers, with something changed.
fn asked(specs: &[GrantSpec], uses: &[(&str, u64)], change: impl FnOnce(&mut Asked)) -> Verdict {
    let mut asked = Asked::default();
    change(&mut asked);
    let uses = uses.iter().map(|(name, used)| ((*name).to_owned(), *used));
    judge(&grants(specs), &uses.collect(), &asked.request())
}

fn granted_by(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Granted(granted) => &granted.grant.name,
        Verdict::Refused(refusal) => panic!("{refusal:?}"),
    }
}

fn refused(verdict: Verdict) -> Refusal {
    match verdict {
        Verdict::Granted(granted) => panic!("granted by {}", granted.grant.name),
        Verdict::Refused(refusal) => refusal,
    }
}

fn rules(verdict: Verdict) -> Vec<GrantRule> {
    let refusal = refused(verdict);
    let rules = refusal.failures().iter().flat_map(|failure| &failure.rules);
    rules.map(|failed| failed.rule).collect()
}

#[test]
fn grants_what_one_grant_covers() {
    let verdict = asked(&[spec("jobs")], &[], |_| {});

    assert_eq!(granted_by(&verdict), "jobs");
}

#[test]
fn refuses_everything_where_there_is_no_grant() {
    let refusal = refused(asked(&[], &[], |_| {}));

    assert!(refusal.failures().is_empty());
    assert_eq!(refusal.nearest(), None);
}

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
fn a_use_that_is_left_is_granted_and_counted() {
    let limited = GrantSpec {
        uses: Some(3),
        ..spec("jobs")
    };

    let verdict = asked(&[limited], &[("jobs", 2)], |_| {});

    let Verdict::Granted(granted) = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(granted.grant_use.name, "jobs");
    assert_eq!(granted.grant_use.limit, Some(3));
}

#[test]
fn an_ipv4_address_in_ipv6_clothes_is_the_ipv4_address() {
    let inside = GrantSpec {
        networks: vec!["10.0.0.0/8".to_owned()],
        ..spec("jobs")
    };

    let verdict = asked(&[inside], &[], |it| {
        it.address = Some("::ffff:10.1.2.3".parse().unwrap());
    });

    assert_eq!(granted_by(&verdict), "jobs");
}

#[test]
fn no_two_grants_are_pieced_together() {
    let a = GrantSpec {
        identifiers: vec!["dns:a.example".to_owned()],
        ..spec("a")
    };
    let b = GrantSpec {
        identifiers: vec!["dns:b.example".to_owned()],
        ..spec("b")
    };
    let both = names(&["dns:a.example", "dns:b.example"]);

    let failed = rules(asked(&[a, b], &[], |it| it.identifiers = both));

    assert_eq!(failed, [GrantRule::Identifier; 2]);
}

#[test]
fn takes_the_grant_that_gives_the_most() {
    let short = GrantSpec {
        max_lifetime: Some("1h".to_owned()),
        ..spec("short")
    };
    let long = GrantSpec {
        max_lifetime: Some("8h".to_owned()),
        ..spec("long")
    };
    let limited = GrantSpec {
        uses: Some(9),
        ..spec("limited")
    };
    let whole = [short, limited, long, spec("first"), spec("second")];

    assert_eq!(granted_by(&asked(&whole, &[], |_| {})), "first");
    assert_eq!(granted_by(&asked(&whole[..3], &[], |_| {})), "limited");
    assert_eq!(
        granted_by(&asked(&[whole[0].clone(), whole[2].clone()], &[], |_| {})),
        "long"
    );
}

#[test]
fn fills_in_the_subject_from_the_claims() {
    let users = GrantSpec {
        subject: serde_json::from_value(
            json!({ "common_name": "ci:{project_path}", "organizations": ["builders"] }),
        )
        .unwrap(),
        ..spec("users")
    };

    let verdict = asked(&[users], &[], |_| {});

    let Verdict::Granted(granted) = verdict else {
        panic!("{verdict:?}");
    };
    let subject = granted.subject.unwrap();
    assert_eq!(subject.common_name.as_deref(), Some("ci:group/web"));
    assert_eq!(subject.organizations, ["builders"]);
}

#[test]
fn a_request_without_names_needs_a_grant_with_a_subject() {
    let users = GrantSpec {
        identifiers: Vec::new(),
        subject: serde_json::from_value(json!({ "common_name": "builder" })).unwrap(),
        ..spec("users")
    };

    let verdict = asked(&[users, spec("jobs")], &[], |it| it.identifiers.clear());

    assert_eq!(granted_by(&verdict), "users");
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

#[test]
fn the_best_cover_is_the_grant_that_covers_the_most() {
    let one = GrantSpec {
        identifiers: vec!["dns:a.example".to_owned()],
        ..spec("one")
    };
    let two = GrantSpec {
        identifiers: vec!["dns:*.example".to_owned()],
        deny: vec!["dns:c.example".to_owned()],
        max_lifetime: Some("1h".to_owned()),
        ..spec("two")
    };
    let elsewhere = GrantSpec {
        identifiers: vec!["dns:**".to_owned()],
        networks: vec!["192.168.0.0/16".to_owned()],
        ..spec("elsewhere")
    };
    let asked = Asked {
        identifiers: names(&["dns:a.example", "dns:b.example", "dns:c.example"]),
        ..Asked::default()
    };

    let cover = best_cover(
        &grants(&[one, two, elsewhere]),
        &Uses::new(),
        &asked.request(),
    )
    .unwrap();

    assert_eq!(cover.grant.name, "two");
    assert_eq!(cover.covered, names(&["dns:a.example", "dns:b.example"]));
}

/// Labels from a small alphabet, so that patterns and names meet often.
fn dns_name() -> impl Strategy<Value = String> {
    ("(\\*\\.)?", "([ab]\\.){0,2}", "[ab]").prop_map(|(star, front, last)| star + &front + &last)
}

/// At most two `**`: more are not a pattern.
fn pattern() -> impl Strategy<Value = String> {
    ("((\\*|\\*\\*|[ab])\\.)?([ab]\\.)?", "(\\*\\*|[ab])")
        .prop_map(|(front, last)| format!("dns:{front}{last}"))
}

prop_compose! {
    fn any_grant()(
        name in "[a-z]{8}",
        project in prop::sample::select(vec!["42", "4*", "43"]),
        profile in prop::sample::select(vec!["tls-server", "mtls"]),
        identifiers in prop::collection::vec(pattern(), 1..3),
        deny in prop::collection::vec(pattern(), 0..2),
        wildcards in any::<bool>(),
        hours in prop::option::of(1..24_u64),
        uses in prop::option::of(1..3_u64),
    ) -> Arc<Grant> {
        let starred = identifiers.iter().any(|it| it.starts_with("dns:*"));
        let written = GrantSpec {
            who: serde_json::from_value(
                json!({ "oidc": "gitlab", "claims": { "project_id": project } }),
            )
            .unwrap(),
            profiles: vec![profile.to_owned()],
            identifiers,
            deny,
            wildcards: wildcards && starred,
            max_lifetime: hours.map(|it| format!("{it}h")),
            uses,
            ..spec(&name)
        };
        Arc::new(written.compile(Origin::Configured).unwrap())
    }
}

fn verdict_of(grants: &[Arc<Grant>], identifiers: &BTreeSet<Identifier>) -> Verdict {
    let asked = Asked {
        identifiers: identifiers.clone(),
        address: None,
        ..Asked::default()
    };
    judge(grants, &Uses::new(), &asked.request())
}

fn is_granted(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Granted(_))
}

fn parsed(texts: &BTreeSet<String>) -> BTreeSet<Identifier> {
    let parsed = texts.iter().map(|text| Identifier::parse("dns", text));
    parsed.map(Result::unwrap).collect()
}

proptest! {
    #[test]
    fn no_wildcard_passes_a_pattern_without_one_or_a_grant_without_wildcards(
        grant in any_grant(),
        base in "([ab]\\.){0,2}[ab]",
    ) {
        let identifiers = parsed(&BTreeSet::from([format!("*.{base}")]));

        let granted = is_granted(&verdict_of(std::slice::from_ref(&grant), &identifiers));

        let starred = grant.scope.allow.iter().any(|it| it.to_string().starts_with("dns:*"));
        prop_assert!(!granted || (starred && grant.scope.wildcards == ca_issuance::pattern::Wildcards::Allowed));
    }

    #[test]
    fn what_a_wildcard_stands_for_is_granted_name_by_name_too(
        grant in any_grant(),
        base in "([ab]\\.){0,2}[ab]",
    ) {
        let wildcard = parsed(&BTreeSet::from([format!("*.{base}")]));
        if is_granted(&verdict_of(std::slice::from_ref(&grant), &wildcard)) {
            for label in ["a", "b", "other"] {
                let name = parsed(&BTreeSet::from([format!("{label}.{base}")]));
                prop_assert!(is_granted(&verdict_of(std::slice::from_ref(&grant), &name)));
            }
        }
    }

    #[test]
    fn another_grant_takes_nothing_away_and_one_less_allows_nothing_more(
        grants in prop::collection::vec(any_grant(), 1..5),
        at in any::<prop::sample::Index>(),
        texts in prop::collection::btree_set(dns_name(), 1..3),
    ) {
        let identifiers = parsed(&texts);
        let mut fewer = grants.clone();
        fewer.remove(at.index(grants.len()));

        let with_fewer = verdict_of(&fewer, &identifiers);
        let with_all = verdict_of(&grants, &identifiers);

        if let Verdict::Granted(less) = &with_fewer {
            let Verdict::Granted(more) = &with_all else {
                return Err(TestCaseError::fail("another grant took the first one's power"));
            };
            let day = Duration::from_secs(86_400);
            prop_assert!(more.grant.bound(day) >= less.grant.bound(day));
        }
        prop_assert!(!is_granted(&with_fewer) || is_granted(&with_all));
    }

    #[test]
    fn what_is_granted_is_covered_whole_by_the_grant_that_is_named(
        grants in prop::collection::vec(any_grant(), 0..5),
        texts in prop::collection::btree_set(dns_name(), 1..3),
    ) {
        let identifiers = parsed(&texts);

        if let Verdict::Granted(granted) = verdict_of(&grants, &identifiers) {
            let grant = granted.grant;
            prop_assert!(grant.profiles.contains("tls-server"));
            prop_assert!(identifiers.iter().all(|it| grant.scope.judge(it).is_ok()));
        }
    }

    #[test]
    fn deny_wins(grant in any_grant(), text in dns_name()) {
        let identifiers = parsed(&BTreeSet::from([text.clone()]));
        let mut denying = Grant::clone(&grant);
        denying.scope.deny.push(format!("dns:{text}").parse().unwrap());

        prop_assert!(!is_granted(&verdict_of(&[Arc::new(denying)], &identifiers)));
    }
}
