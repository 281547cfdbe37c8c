use std::collections::BTreeSet;

use ca_pki::Identifier;

use super::*;
use crate::access::bench::Bench;
use crate::grant::{GrantRequest, Verdict};
use crate::{Credential, Principal, Rules};

fn somebody(role: Option<Role>) -> Identity {
    Identity {
        principal: Principal::Client {
            id: "console".to_owned(),
            role,
        },
        credential: Credential::Certificate,
        role,
        address: [127, 0, 0, 1].into(),
        certificate_thumbprint: None,
    }
}

fn admin() -> Identity {
    somebody(Some(Role::Admin))
}

/// The bench's clock says 2026-11-21, noon.
fn spec() -> GrantSpec {
    serde_json::from_value(json!({
        "name": "guests",
        "who": { "client": "guest" },
        "profiles": ["tls-server"],
        "identifiers": ["dns:guest.example"],
        "expires": "2026-11-21T13:00:00Z",
    }))
    .unwrap()
}

/// A bench whose configuration has a profile and a grant called `configured`.
async fn bench() -> Bench {
    let bench = Bench::new().await;
    let configured = GrantSpec {
        name: "configured".to_owned(),
        expires: None,
        ..spec()
    };
    bench.access.replace_rules(Rules {
        grants: vec![Arc::new(configured.compile(Origin::Configured).unwrap())],
        profiles: BTreeSet::from(["tls-server".to_owned()]),
        ..Rules::default()
    });
    bench
}

async fn judge(bench: &Bench, name: &str) -> Verdict {
    let identifiers = BTreeSet::from([Identifier::parse("dns", name).unwrap()]);
    let principal = Principal::Client {
        id: "guest".to_owned(),
        role: None,
    };
    let request = GrantRequest {
        principal: &principal,
        role: None,
        profile: "tls-server",
        identifiers: &identifiers,
        address: None,
        at: bench.world.corridor.clock().now(),
    };
    bench.access.judge(request).await.unwrap()
}

fn is_granted(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Granted(_))
}

#[tokio::test]
async fn a_grant_holds_from_its_making_to_its_removal() {
    let bench = bench().await;
    let other = GrantSpec {
        identifiers: vec!["dns:other.example".to_owned()],
        ..spec()
    };

    assert!(!is_granted(&judge(&bench, "other.example").await));
    bench.access.add_grant(&admin(), other).await.unwrap();
    assert!(is_granted(&judge(&bench, "other.example").await));
    bench.access.remove_grant(&admin(), "guests").await.unwrap();
    assert!(!is_granted(&judge(&bench, "other.example").await));

    let kinds: Vec<&str> = bench
        .store
        .events()
        .iter()
        .map(|it| it.kind.name())
        .collect();
    assert_eq!(kinds, ["grant.created", "grant.removed"]);
    let created = &bench.store.events()[0];
    assert_eq!(created.actor.to_string(), "client:console");
    assert_eq!(
        created.details["grant"]["identifiers"],
        json!(["dns:other.example"])
    );
}

#[tokio::test]
async fn a_grant_ends_by_itself() {
    let bench = bench().await;
    let other = GrantSpec {
        identifiers: vec!["dns:other.example".to_owned()],
        ..spec()
    };
    bench.access.add_grant(&admin(), other).await.unwrap();

    bench.advance(Duration::from_secs(3_600));

    assert!(!is_granted(&judge(&bench, "other.example").await));
}

#[tokio::test]
async fn only_administrators_make_and_remove_grants() {
    let bench = bench().await;

    for role in [None, Some(Role::Operator), Some(Role::Auditor)] {
        let caller = somebody(role);
        let added = bench.access.add_grant(&caller, spec()).await;
        let removed = bench.access.remove_grant(&caller, "guests").await;
        assert!(matches!(added, Err(Error::Forbidden(_))), "{role:?}");
        assert!(matches!(removed, Err(Error::Forbidden(_))), "{role:?}");
    }
    assert!(bench.store.events().is_empty());
}

#[tokio::test]
async fn administrators_and_auditors_list_grants_and_their_uses() {
    let bench = bench().await;
    let limited = GrantSpec {
        uses: Some(3),
        ..spec()
    };
    bench.access.add_grant(&admin(), limited).await.unwrap();
    bench.store.set_grant_uses("guests", 2);

    let auditor = somebody(Some(Role::Auditor));
    let listed = bench.access.list_grants(&auditor).await.unwrap();
    let refused = bench
        .access
        .list_grants(&somebody(Some(Role::Operator)))
        .await;

    let listed: Vec<(&str, Option<u64>)> = listed
        .iter()
        .map(|it| (it.grant.name.as_str(), it.used))
        .collect();
    assert_eq!(listed, [("configured", None), ("guests", Some(2))]);
    assert!(matches!(refused, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn a_grant_over_the_api_must_end_within_thirty_days() {
    let bench = bench().await;

    for expires in [
        None,
        Some("2026-11-21T12:00:00Z"),
        Some("2026-11-20T00:00:00Z"),
        Some("2026-12-21T12:00:01Z"),
    ] {
        let spec = GrantSpec {
            expires: expires.map(str::to_owned),
            ..spec()
        };
        let added = bench.access.add_grant(&admin(), spec).await;
        assert!(
            matches!(added, Err(Error::Malformed(_))),
            "{expires:?}: {added:?}"
        );
    }
    let longest = GrantSpec {
        expires: Some("2026-12-21T12:00:00Z".to_owned()),
        ..spec()
    };
    assert!(bench.access.add_grant(&admin(), longest).await.is_ok());
}

#[tokio::test]
async fn a_faulty_grant_is_refused_with_every_fault() {
    let bench = bench().await;
    let faulty = GrantSpec {
        name: "X".to_owned(),
        profiles: vec!["server-tls".to_owned()],
        identifiers: vec!["guest.example".to_owned()],
        expires: None,
        ..spec()
    };

    let Err(Error::Malformed(faults)) = bench.access.add_grant(&admin(), faulty).await else {
        panic!("it was added");
    };

    for fault in [
        "lower-case",
        "no [[profile]] \"server-tls\"",
        "not a pattern",
        "expires",
    ] {
        assert!(faults.contains(fault), "{fault}: {faults}");
    }
}

#[tokio::test]
async fn a_name_stands_for_one_grant() {
    let bench = bench().await;
    bench.access.add_grant(&admin(), spec()).await.unwrap();
    let configured = GrantSpec {
        name: "configured".to_owned(),
        ..spec()
    };

    let again = bench.access.add_grant(&admin(), spec()).await;
    let over = bench.access.add_grant(&admin(), configured).await;
    let removed = bench.access.remove_grant(&admin(), "configured").await;
    let absent = bench.access.remove_grant(&admin(), "absent").await;

    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
    assert!(matches!(over, Err(Error::Conflict(_))), "{over:?}");
    assert!(matches!(removed, Err(Error::Conflict(_))), "{removed:?}");
    assert!(matches!(absent, Err(Error::NotFound)), "{absent:?}");
}

#[tokio::test]
async fn nothing_is_granted_while_the_store_is_away() {
    let bench = bench().await;
    bench.store.set_away(true);
    let identifiers = BTreeSet::from([Identifier::parse("dns", "guest.example").unwrap()]);
    let principal = Principal::Client {
        id: "guest".to_owned(),
        role: None,
    };

    let judged = bench.access.judge(GrantRequest {
        principal: &principal,
        role: None,
        profile: "tls-server",
        identifiers: &identifiers,
        address: None,
        at: bench.world.corridor.clock().now(),
    });

    assert!(matches!(judged.await, Err(Error::Store(_))));
}
