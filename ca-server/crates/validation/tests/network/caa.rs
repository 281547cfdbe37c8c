//! CAA over DNS: climbing, aliases, failures.

use ca_acme::authorization::ChallengeKind::{Dns01, Http01};
use ca_acme::{Problem, ProblemKind, Validator};
use ca_pki::Identifier;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType::CAA;

use crate::dns_server::Zone;
use crate::world::{ACCOUNT, DIGEST, World, attempt, detail, kind};

async fn outcome_in(zone: Zone, wildcard: bool) -> Result<(), Problem> {
    let world = World::new(zone, |_| {}).await;
    let name = Identifier::parse("dns", "a.b.test").expect("a name");
    let validator = &world.validator;
    validator
        .check_caa(&name, wildcard, Some(Dns01), ACCOUNT)
        .await
}

#[tokio::test]
async fn permits_where_no_name_up_to_the_root_has_records() {
    assert_eq!(outcome_in(Zone::default(), false).await, Ok(()));
}

#[tokio::test]
async fn climbs_to_the_nearest_name_with_records() {
    let forbidden = Zone::default().caa("test", 0, "issue", "other.example");
    let overridden = forbidden.clone().caa("b.test", 0, "issue", "ca.example");

    let outcome = outcome_in(forbidden, false).await;

    assert_eq!(kind(&outcome), Some(ProblemKind::Caa));
    assert!(detail(outcome).contains("at test forbid"));
    assert_eq!(outcome_in(overridden, false).await, Ok(()));
}

#[tokio::test]
async fn asks_for_each_name_but_the_root() {
    let world = World::new(Zone::default(), |_| {}).await;
    let name = Identifier::parse("dns", "a.b.test").expect("a name");

    let outcome = world.validator.check_caa(&name, false, None, ACCOUNT).await;

    assert_eq!(outcome, Ok(()));
    let mut asked: Vec<_> = world.dns.names_asked().into_iter().collect();
    asked.sort();
    assert_eq!(asked, ["a.b.test.", "b.test.", "test."]);
}

#[tokio::test]
async fn obeys_the_records_where_an_alias_leads() {
    let zone = Zone::default()
        .alias("a.b.test", "c.elsewhere")
        .caa("c.elsewhere", 0, "issue", ";");

    for zone in [zone.clone(), zone.chases_no_aliases()] {
        let outcome = outcome_in(zone, false).await;

        assert_eq!(kind(&outcome), Some(ProblemKind::Caa));
    }
}

#[tokio::test]
async fn does_not_climb_from_an_aliass_target() {
    let zone = Zone::default()
        .alias("a.b.test", "c.elsewhere")
        .address("c.elsewhere", "127.0.0.1")
        .caa("elsewhere", 0, "issue", ";");

    assert_eq!(outcome_in(zone, false).await, Ok(()));
}

#[tokio::test]
async fn lets_issuewild_decide_about_wildcards() {
    let zone =
        Zone::default()
            .caa("b.test", 0, "issue", "ca.example")
            .caa("b.test", 0, "issuewild", ";");

    assert_eq!(outcome_in(zone.clone(), false).await, Ok(()));
    assert_eq!(kind(&outcome_in(zone, true).await), Some(ProblemKind::Caa));
}

#[tokio::test]
async fn forbids_issuance_where_a_lookup_fails() {
    for name in ["a.b.test", "b.test", "test"] {
        for zone in [
            Zone::default().answers(name, CAA, ResponseCode::ServFail),
            Zone::default().answers(name, CAA, ResponseCode::Refused),
            Zone::default().answers(name, CAA, ResponseCode::NotImp),
            Zone::default().answers(name, CAA, ResponseCode::Unknown(12)),
            Zone::default().keeps_silent_about(name, CAA),
            Zone::default().alias(name, name),
        ] {
            let outcome = outcome_in(zone, false).await;

            assert_eq!(kind(&outcome), Some(ProblemKind::Dns), "{name}");
            assert!(detail(outcome).contains("CAA"), "{name}");
        }
    }
}

#[tokio::test]
async fn obeys_parameters() {
    let zone = |value: &str| Zone::default().caa("a.b.test", 128, "issue", value);
    let own = format!("ca.example; accounturi={ACCOUNT}; validationmethods=dns-01");

    assert_eq!(outcome_in(zone(&own), false).await, Ok(()));
    for value in [
        "ca.example; validationmethods=http-01",
        "ca.example; accounturi=https://ca.example/another",
    ] {
        let outcome = outcome_in(zone(value), false).await;

        assert_eq!(kind(&outcome), Some(ProblemKind::Caa), "{value}");
    }
}

#[tokio::test]
async fn is_checked_after_a_challenge_that_succeeded() {
    let zone = Zone::default()
        .text("_acme-challenge.a.test", &[DIGEST])
        .caa("a.test", 0, "issue", "other.example");
    let world = World::new(zone, |_| {}).await;

    let outcome = world
        .validator
        .validate(&attempt(Dns01, "dns", "a.test"))
        .await;

    assert_eq!(kind(&outcome), Some(ProblemKind::Caa));
}

#[tokio::test]
async fn has_no_say_about_addresses() {
    let world = World::new(Zone::default(), |_| {}).await;
    let address = Identifier::parse("ip", "192.0.2.1").expect("an address");

    let outcome = world
        .validator
        .check_caa(&address, false, Some(Http01), ACCOUNT)
        .await;

    assert_eq!(outcome, Ok(()));
    assert!(world.dns.names_asked().is_empty());
}
