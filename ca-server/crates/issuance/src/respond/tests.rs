//! What is answered, as openssl reads it, and what is kept.

mod openssl;
mod others;

use ca_pki::crl::RevocationReason;

use self::openssl::{read_by_openssl, request, text_of_openssl};
use super::*;
use crate::Actor;
use crate::ledger::CertificateState;
use crate::testing::World;

async fn responder(world: &World) -> OcspResponder {
    let responder = without_identity(world);
    responder
        .renew(&world.corridor)
        .await
        .expect("the corridor issues its certificate");
    responder
}

fn without_identity(world: &World) -> OcspResponder {
    OcspResponder::new(&world.corridor, world.issuer(), RespondSchedule::default())
}

#[tokio::test]
async fn answers_revoked_in_the_very_next_answer() {
    let world = World::at_noon();
    let responder = responder(&world).await;
    let serial = world.insert("0102", CertificateState::Valid);
    let request = request(&world, "-serial 0x0102 -no_nonce");

    let before = responder.answer(&request).await.expect("it answers");
    world
        .corridor
        .revoke(
            "tls",
            &serial,
            RevocationReason::KeyCompromise,
            &Actor::System,
        )
        .await
        .expect("it is revoked");
    let after = responder.answer(&request).await.expect("it answers");

    assert!(read_by_openssl(&world, &before).contains("Cert Status: good"));
    let after = read_by_openssl(&world, &after);
    assert!(after.contains("Cert Status: revoked"), "{after}");
    assert!(
        after.contains("Revocation Reason: keyCompromise (0x1)"),
        "{after}"
    );
}

#[tokio::test]
async fn keeps_an_answer_for_half_of_its_life() {
    let world = World::at_noon();
    let responder = responder(&world).await;
    world.insert("0102", CertificateState::Valid);
    let request = request(&world, "-serial 0x0102 -no_nonce");
    let first = responder.answer(&request).await.expect("it answers");

    world.clock.advance(Duration::from_secs(1_799));
    world.ledger.set_away(true);
    let kept = responder.answer(&request).await.expect("it needs no store");
    world.ledger.set_away(false);
    world.clock.advance(Duration::from_secs(1));
    let second = responder.answer(&request).await.expect("it answers");

    assert_eq!(first, kept);
    assert_ne!(first, second);
    let freshness = second.freshness.expect("it may be kept");
    assert_eq!(freshness.this_update, world.clock.now());
    assert_eq!(
        freshness.next_update.since(freshness.this_update),
        Duration::from_secs(3_600)
    );
}

#[tokio::test]
async fn echoes_a_nonce_and_lets_nobody_keep_the_answer() {
    let world = World::at_noon();
    let responder = responder(&world).await;
    world.insert("0102", CertificateState::Valid);
    let request = request(&world, "-serial 0x0102");

    let answer = responder.answer(&request).await.expect("it answers");

    let nonce = request.nonce.expect("openssl sent one");
    assert!(
        answer
            .der
            .windows(nonce.len())
            .any(|window| window == nonce)
    );
    assert_eq!(answer.freshness, None);
}

#[tokio::test]
async fn answers_unknown_until_a_serial_is_issued() {
    let world = World::at_noon();
    let responder = responder(&world).await;
    let request = request(&world, "-serial 0x0102 -no_nonce");
    let mut seen = Vec::new();

    for state in [
        None,
        Some(CertificateState::Intended),
        Some(CertificateState::Valid),
    ] {
        if let Some(state) = state {
            world.insert("0102", state);
        }
        let answer = responder.answer(&request).await.expect("it answers");
        let text = read_by_openssl(&world, &answer);
        let status = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("Cert Status: "));
        seen.push((status.map(str::to_owned), answer.freshness.is_some()));
    }

    let unknown = (Some("unknown".to_owned()), false);
    assert_eq!(
        seen,
        [unknown.clone(), unknown, (Some("good".to_owned()), true)]
    );
}

#[tokio::test]
async fn answers_revoked_without_a_reason_for_a_burned_serial() {
    let world = World::at_noon();
    let responder = responder(&world).await;
    world.insert(
        "0102",
        CertificateState::Burned {
            at: world.clock.now(),
        },
    );

    let answer = responder
        .answer(&request(&world, "-serial 0x0102"))
        .await
        .expect("it answers");

    let text = read_by_openssl(&world, &answer);
    assert!(text.contains("Cert Status: revoked"), "{text}");
    assert!(!text.contains("Revocation Reason"), "{text}");
}

#[tokio::test]
async fn answers_several_certificates_with_either_hash() {
    let world = World::at_noon();
    let responder = responder(&world).await;
    world.insert("0102", CertificateState::Valid);
    world.insert(
        "0103",
        CertificateState::Burned {
            at: world.clock.now(),
        },
    );
    let request = request(
        &world,
        "-serial 0x0102 -sha256 -serial 0x0103 -sha256 -serial 0x0102",
    );

    let answer = responder.answer(&request).await.expect("it answers");

    let text = read_by_openssl(&world, &answer);
    assert_eq!(text.matches("Cert Status: good").count(), 2, "{text}");
    assert_eq!(text.matches("Cert Status: revoked").count(), 1, "{text}");
    assert_eq!(text.matches("Hash Algorithm: sha256").count(), 2, "{text}");
}

#[tokio::test]
async fn is_not_the_one_to_ask_about_another_issuer() {
    let (world, elsewhere) = (World::at_noon(), World::at_noon());
    let responder = responder(&world).await;
    let foreign = request(&elsewhere, "-serial 0x0102");
    let mut mixed = request(&world, "-serial 0x0102");
    world.insert("0102", CertificateState::Valid);
    mixed.cert_ids.extend(foreign.cert_ids.clone());

    let refused = responder.answer(&foreign).await;
    let answer = responder.answer(&mixed).await.expect("one of them is ours");

    assert!(matches!(refused, Err(AnswerError::NotOurs)));
    // openssl verifies no response about two issuers, so it only reads this one.
    let text = text_of_openssl(&world, &answer);
    assert_eq!(text.matches("Cert Status: good").count(), 1, "{text}");
    assert_eq!(text.matches("Cert Status: unknown").count(), 1, "{text}");
}

#[tokio::test]
async fn asks_to_try_later_without_a_valid_certificate() {
    let world = World::at_noon();
    let responder = without_identity(&world);
    let request = request(&world, "-serial 0x0102");

    let before = responder.answer(&request).await;
    responder
        .renew(&world.corridor)
        .await
        .expect("the corridor issues its certificate");
    let between = responder.answer(&request).await;
    world.clock.advance(Duration::from_secs(86_400));
    let after = responder.answer(&request).await;

    for refused in [before, after] {
        let failure = refused
            .expect_err("there is no valid certificate")
            .failure();
        assert_eq!(failure, OcspFailure::TryLater);
    }
    assert!(between.is_ok());
}

#[tokio::test]
async fn renews_its_certificate_at_half_of_its_life() {
    let world = World::at_noon();
    let responder = without_identity(&world);
    let mut due = vec![responder.renewal_due()];
    responder
        .renew(&world.corridor)
        .await
        .expect("the corridor issues its certificate");

    for minutes in [0, 11 * 60, 60] {
        world.clock.advance(Duration::from_secs(minutes * 60));
        due.push(responder.renewal_due());
    }

    assert_eq!(due, [true, false, false, true]);
}

#[tokio::test]
async fn promises_nothing_past_the_end_of_certificate_or_responder() {
    let world = World::at_noon();
    let responder = responder(&world).await;
    world.insert("0102", CertificateState::Valid);
    let request = request(&world, "-serial 0x0102 -no_nonce");
    world.clock.advance(Duration::from_secs(86_400 - 600));

    let answer = responder.answer(&request).await.expect("it answers");

    // The responder's certificate was backdated by five minutes, so it ends first.
    let freshness = answer.freshness.expect("it may be kept");
    assert_eq!(
        freshness.next_update,
        world.clock.now().plus(Duration::from_secs(300))
    );
}

#[tokio::test]
async fn asks_to_try_later_while_the_store_is_away() {
    let world = World::at_noon();
    let responder = responder(&world).await;
    let request = request(&world, "-serial 0x0102");

    world.ledger.set_away(true);
    let refused = responder
        .answer(&request)
        .await
        .expect_err("the store is away");

    assert_eq!(refused.failure(), OcspFailure::TryLater);
}
