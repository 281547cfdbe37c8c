//! What other servers revoke.

use ca_pki::crl::RevocationReason;
use futures_util::future::join_all;

use super::*;
use crate::Actor;
use crate::audit::{Event, EventKind};

#[tokio::test]
async fn sees_the_revocations_of_other_servers_at_the_next_look() {
    let world = World::at_noon();
    let responder = responder(&world).await;
    let serial = world.insert("0102", CertificateState::Valid);
    let request = request(&world, "-serial 0x0102 -no_nonce");
    let before = responder.answer(&request).await.expect("it answers");

    revoke_elsewhere(&world, &serial).await;
    responder.refresh().await.expect("the store is there");
    let after = responder.answer(&request).await.expect("it answers");

    assert!(read_by_openssl(&world, &before).contains("Cert Status: good"));
    assert!(read_by_openssl(&world, &after).contains("Cert Status: revoked"));
}

#[tokio::test]
async fn hears_of_other_servers_revocations_before_each_kept_answer() {
    let world = World::at_noon();
    let serial = world.insert("0102", CertificateState::Valid);
    let (request, responder) = (
        request(&world, "-serial 0x0102 -no_nonce"),
        among(&world).await,
    );
    let running = listening(&responder);
    responder.hear().await.expect("the ledger answers");
    let before = responder.answer(&request).await.expect("it answers");
    let kept = responder.answer(&request).await.expect("it answers");

    revoke_elsewhere(&world, &serial).await;
    let after = responder.answer(&request).await.expect("it answers");

    running.abort();
    assert_eq!(before, kept);
    assert!(read_by_openssl(&world, &after).contains("Cert Status: revoked"));
}

#[tokio::test]
async fn serves_kept_answers_while_nobody_can_say_more() {
    let world = World::at_noon();
    world.insert("0102", CertificateState::Valid);
    let (request, responder) = (
        request(&world, "-serial 0x0102 -no_nonce"),
        among(&world).await,
    );
    let running = listening(&responder);
    let before = responder.answer(&request).await.expect("it answers");

    world.ledger.set_away(true);
    let kept = responder.answer(&request).await.expect("it needs no store");

    running.abort();
    assert_eq!(before, kept);
}

#[tokio::test]
async fn tells_all_who_wait_whether_the_ledger_answers() {
    let world = World::at_noon();
    let responder = among(&world).await;
    let running = listening(&responder);
    let ask = || join_all((0..20).map(async |_| responder.hear().await.is_ok()));

    let there = ask().await;
    world.ledger.set_away(true);
    let away = ask().await;
    world.ledger.set_away(false);
    let again = ask().await;

    running.abort();
    assert_eq!(
        (there, away, again),
        (vec![true; 20], vec![false; 20], vec![true; 20])
    );
}

/// A responder beside others.
async fn among(world: &World) -> Arc<OcspResponder> {
    let schedule = RespondSchedule {
        others: Others::Asked,
        ..RespondSchedule::default()
    };
    let responder = OcspResponder::new(&world.corridor, world.issuer(), schedule);
    let renewed = responder.renew(&world.corridor).await;
    renewed.expect("the corridor issues its certificate");
    Arc::new(responder)
}

fn listening(responder: &Arc<OcspResponder>) -> tokio::task::JoinHandle<()> {
    let responder = Arc::clone(responder);
    tokio::spawn(async move { responder.listen().await })
}

async fn revoke_elsewhere(world: &World, serial: &ca_pki::Serial) {
    let event = Event {
        at: world.clock.now(),
        kind: EventKind::CertificateRevoked,
        actor: Actor::System,
        subject: serial.to_string(),
        details: serde_json::json!({}),
    };
    let reason = RevocationReason::Superseded;
    world
        .ledger
        .revoke("tls", serial, reason, event)
        .await
        .expect("it is revoked");
}
