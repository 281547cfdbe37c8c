//! What holds for all grants and requests.

use super::*;

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
