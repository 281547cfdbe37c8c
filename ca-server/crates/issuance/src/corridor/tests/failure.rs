//! What fails on the way, and what is left of it.

use super::*;

async fn ask(world: &World) -> Result<Issued, IssuanceError> {
    walk(world, csr("", &NAMES), claim(&NAMES)).await
}

async fn only_state(world: &World) -> CertificateState {
    let serials = world.ledger.serials();
    assert_eq!(serials.len(), 1, "one serial was spent");
    let record = world.ledger.certificate("tls", &serials[0]).await.unwrap();
    record.unwrap().state
}

#[tokio::test]
async fn burns_the_serial_when_the_token_is_away() {
    let world = World::at_noon();
    world.key.set(KeyFault::Away);

    let result = ask(&world).await;

    assert!(
        matches!(result, Err(IssuanceError::Busy { .. })),
        "{result:?}"
    );
    assert!(matches!(
        only_state(&world).await,
        CertificateState::Burned { .. }
    ));
}

#[tokio::test]
async fn spends_no_serial_while_the_token_is_known_to_be_away() {
    let world = World::at_noon();
    world.key.set(KeyFault::KnownAway);

    let result = ask(&world).await;

    assert!(
        matches!(result, Err(IssuanceError::Busy { .. })),
        "{result:?}"
    );
    assert_eq!(world.ledger.serials(), []);
}

#[tokio::test]
async fn hands_out_nothing_whose_signature_does_not_verify() {
    let world = World::at_noon();
    world.key.set(KeyFault::WrongSignature);

    let result = ask(&world).await;

    assert!(
        matches!(result, Err(IssuanceError::Busy { .. })),
        "{result:?}"
    );
    assert!(world.key.is_distrusted());
    assert!(matches!(
        only_state(&world).await,
        CertificateState::Burned { .. }
    ));
}

#[tokio::test]
async fn spends_no_serial_while_the_store_is_away() {
    let world = World::at_noon();
    world.ledger.set_away(true);

    let result = ask(&world).await;

    assert!(
        matches!(result, Err(IssuanceError::Busy { .. })),
        "{result:?}"
    );
    world.ledger.set_away(false);
    assert!(world.ledger.serials().is_empty());
}

#[tokio::test]
async fn settles_what_a_crash_left_and_nothing_else() {
    let world = World::at_noon();
    let issued = ask(&world).await.unwrap();
    let left = world.insert("0a0b0c", CertificateState::Intended);

    let settled = world.corridor.settle(Settle::Everything).await.unwrap();

    assert_eq!(settled, 1);
    let state = |record: Option<crate::ledger::CertificateRecord>| record.unwrap().state;
    let burned = world.ledger.certificate("tls", &left).await.unwrap();
    assert!(matches!(state(burned), CertificateState::Burned { .. }));
    let serial = issued.certificate().serial();
    let valid = world.ledger.certificate("tls", serial).await.unwrap();
    assert_eq!(state(valid), CertificateState::Valid);
}

#[tokio::test]
async fn gives_intents_their_time_by_the_clock_that_all_servers_share() {
    let world = World::at_noon();
    ask(&world).await.unwrap();
    let noon = Duration::from_secs(world.clock.now().unix_secs().unsigned_abs());
    world.ledger.advance(noon + Duration::from_secs(250));

    world.corridor.compare_clocks().await.unwrap();
    ask(&world).await.unwrap();

    let intents = world.ledger.intents();
    let until: Vec<_> = intents.iter().map(|intent| intent.settle_after).collect();
    let apart = until[0].since(until[1]).max(until[1].since(until[0]));
    assert_eq!(apart, Duration::from_secs(250));
}

#[tokio::test]
async fn goes_on_when_the_caller_hangs_up() {
    let world = World::at_noon();

    {
        let mut asked = Box::pin(ask(&world));
        let first_poll = futures_util::poll!(asked.as_mut());
        assert!(first_poll.is_pending());
    }
    world.corridor.drain().await;

    assert_eq!(only_state(&world).await, CertificateState::Valid);
}
