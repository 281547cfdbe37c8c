//! dns-01 (RFC 8555 §8.4).

use ca_acme::authorization::ChallengeKind::Dns01;
use ca_acme::{Problem, ProblemKind, Validator};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType::TXT;

use crate::dns_server::Zone;
use crate::world::{DIGEST, World, attempt, detail, kind};

async fn outcome_in(zone: Zone) -> Result<(), Problem> {
    let world = World::new(zone, |_| {}).await;
    world
        .validator
        .validate(&attempt(Dns01, "dns", "a.test"))
        .await
}

#[tokio::test]
async fn accepts_the_digest_among_other_records() {
    let alone = Zone::default().text("_acme-challenge.a.test", &[DIGEST]);
    let among_others = Zone::default()
        .text("_acme-challenge.a.test", &["v=spf1 -all"])
        .text("_acme-challenge.a.test", &[DIGEST])
        .text("_acme-challenge.a.test", &[""]);

    assert_eq!(outcome_in(alone).await, Ok(()));
    assert_eq!(outcome_in(among_others).await, Ok(()));
}

#[tokio::test]
async fn joins_the_strings_of_a_record() {
    let (first, second) = DIGEST.split_at(20);
    let zone = Zone::default().text("_acme-challenge.a.test", &[first, "", second]);

    assert_eq!(outcome_in(zone).await, Ok(()));
}

#[tokio::test]
async fn reads_answers_too_large_for_udp() {
    let mut zone = Zone::default();
    for number in 0..200 {
        zone = zone.text(
            "_acme-challenge.a.test",
            &[&format!("filler number {number}")],
        );
    }
    let zone = zone.text("_acme-challenge.a.test", &[DIGEST]);

    assert_eq!(outcome_in(zone).await, Ok(()));
}

#[tokio::test]
async fn follows_aliases_that_the_resolver_followed_or_left() {
    let zone = Zone::default()
        .alias("_acme-challenge.a.test", "a.challenges.test")
        .alias("a.challenges.test", "b.challenges.test")
        .text("b.challenges.test", &[DIGEST]);

    assert_eq!(outcome_in(zone.clone()).await, Ok(()));
    assert_eq!(outcome_in(zone.chases_no_aliases()).await, Ok(()));
}

#[tokio::test]
async fn refuses_alias_loops_and_long_chains() {
    let circle = Zone::default()
        .alias("_acme-challenge.a.test", "b.test")
        .alias("b.test", "_acme-challenge.a.test");
    let mut chain = Zone::default().alias("_acme-challenge.a.test", "0.test");
    for number in 0..12 {
        chain = chain.alias(&format!("{number}.test"), &format!("{}.test", number + 1));
    }
    let chain = chain.text("12.test", &[DIGEST]);

    for zone in [circle, chain] {
        for zone in [zone.clone(), zone.chases_no_aliases()] {
            let outcome = outcome_in(zone).await;

            assert_eq!(kind(&outcome), Some(ProblemKind::Dns));
            assert!(detail(outcome).contains("CNAME"));
        }
    }
}

#[tokio::test]
async fn proves_a_wildcard_at_its_base_name() {
    let zone = Zone::default().text("_acme-challenge.a.test", &[DIGEST]);
    let world = World::new(zone, |_| {}).await;
    let mut attempt = attempt(Dns01, "dns", "a.test");
    attempt.wildcard = true;

    assert_eq!(world.validator.validate(&attempt).await, Ok(()));
}

#[tokio::test]
async fn refuses_other_values_without_repeating_them() {
    let zone = Zone::default()
        .text("_acme-challenge.a.test", &["secret"])
        .text("_acme-challenge.a.test", &[&DIGEST.to_lowercase()])
        .text("_acme-challenge.a.test", &[&format!("{DIGEST}=")]);

    let outcome = outcome_in(zone).await;

    assert_eq!(kind(&outcome), Some(ProblemKind::Unauthorized));
    assert!(!detail(outcome).contains("secret"));
}

#[tokio::test]
async fn reports_missing_records_and_failing_servers_as_dns_problems() {
    let name = "_acme-challenge.a.test";
    for zone in [
        Zone::default(),
        Zone::default().address(name, "127.0.0.1"),
        Zone::default().answers(name, TXT, ResponseCode::ServFail),
        Zone::default().answers(name, TXT, ResponseCode::Refused),
        Zone::default().keeps_silent_about(name, TXT),
    ] {
        let outcome = outcome_in(zone).await;

        assert_eq!(kind(&outcome), Some(ProblemKind::Dns));
        assert!(detail(outcome).contains(name));
    }
}

#[tokio::test]
async fn does_not_prove_an_address() {
    let world = World::new(Zone::default(), |_| {}).await;

    let outcome = world
        .validator
        .validate(&attempt(Dns01, "ip", "127.0.0.1"))
        .await;

    assert_eq!(kind(&outcome), Some(ProblemKind::UnsupportedIdentifier));
}
