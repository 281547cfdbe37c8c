mod properties;
mod refusal;

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
