//! What is published, when, and by whom.

use ca_pki::crl::{Crl, RevocationReason};

use super::*;
use crate::Actor;
use crate::lease::{LeaseKeeper, Tenure};
use crate::ledger::CertificateState;
use crate::testing::{KeyFault, World};

fn publisher(world: &World) -> CrlPublisher {
    publisher_of(world, "one")
}

/// The publisher of a server that has just taken over the work.
fn publisher_of(world: &World, server: &str) -> CrlPublisher {
    let lease = world.ledger.hand_over("crl.tls", server);
    let schedule = PublishSchedule::default();
    CrlPublisher::new(&world.corridor, world.issuer(), schedule, lease)
}

fn parsed(publisher: &CrlPublisher) -> Crl {
    let current = publisher.current().expect("a CRL was published");
    Crl::parse(&current.crl.to_der()).expect("it reads back")
}

#[tokio::test]
async fn lists_a_revocation_under_a_higher_number() {
    let world = World::at_noon();
    let publisher = publisher(&world);
    let serial = world.insert("0102", CertificateState::Valid);
    publisher.refresh().await.expect("a CRL is published");
    let before = parsed(&publisher);

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
    publisher.refresh().await.expect("a CRL is published");

    let after = parsed(&publisher);
    assert!(before.revoked().is_empty());
    assert!(before.number() < after.number());
    let [entry] = after.revoked() else {
        panic!("one entry: {after:?}")
    };
    assert_eq!(
        (&entry.serial, entry.reason),
        (&serial, RevocationReason::KeyCompromise)
    );
    assert_eq!(after.verify_issued_by(world.issuer().certificate()), Ok(()));
}

#[tokio::test]
async fn lists_a_burned_serial_without_a_reason() {
    let world = World::at_noon();
    let publisher = publisher(&world);
    let at = world.clock.now();
    let serial = world.insert("0102", CertificateState::Burned { at });

    publisher.refresh().await.expect("a CRL is published");

    let crl = parsed(&publisher);
    let [entry] = crl.revoked() else {
        panic!("one entry: {crl:?}")
    };
    assert_eq!(
        (&entry.serial, entry.reason),
        (&serial, RevocationReason::Unspecified)
    );
}

#[tokio::test]
async fn keeps_its_list_until_the_schedule_asks_for_another() {
    let world = World::at_noon();
    let publisher = publisher(&world);
    publisher.refresh().await.expect("a CRL is published");
    let first = publisher.current().expect("it is there");

    world.clock.advance(Duration::from_secs(3_599));
    publisher.refresh().await.expect("nothing is to be done");
    let kept = publisher.current().expect("it is there");
    world.clock.advance(Duration::from_secs(1));
    publisher.refresh().await.expect("a CRL is published");
    let second = publisher.current().expect("it is there");

    assert_eq!(first.etag, kept.etag);
    assert_ne!(first.etag, second.etag);
    assert_eq!(second.this_update(), world.clock.now());
    assert_eq!(
        second.next_update().since(second.this_update()),
        Duration::from_secs(86_400)
    );
}

#[tokio::test]
async fn lists_an_entry_once_more_after_its_certificate_ended() {
    let world = World::at_noon();
    let publisher = publisher(&world);
    let at = world.clock.now();
    let reason = RevocationReason::Superseded;
    world.insert("0102", CertificateState::Revoked { at, reason });
    let mut counts = Vec::new();

    for hours in [24, 1, 2] {
        world.clock.advance(Duration::from_secs(hours * 3_600));
        publisher.refresh().await.expect("a CRL is published");
        counts.push(parsed(&publisher).revoked().len());
    }

    assert_eq!(counts, [1, 1, 0]);
}

#[tokio::test]
async fn adopts_what_another_server_published() {
    let world = World::at_noon();
    let (one, other) = (publisher(&world), publisher(&world));
    one.refresh().await.expect("a CRL is published");

    other.refresh().await.expect("the CRL is adopted");

    let etag = |publisher: &CrlPublisher| publisher.current().map(|crl| crl.etag.clone());
    assert!(etag(&one).is_some());
    assert_eq!(etag(&one), etag(&other));
    assert_eq!(world.ledger.events().len(), 1);
}

#[tokio::test]
async fn publishes_nothing_after_another_server_took_over() {
    let world = World::at_noon();
    let frozen = publisher_of(&world, "one");
    frozen.refresh().await.expect("a CRL is published");
    let successor = publisher_of(&world, "two");
    let at = world.clock.now();
    world.insert("0102", CertificateState::Burned { at });
    world.clock.advance(Duration::from_secs(7_200));

    let woken = frozen.refresh().await.expect("it learns that it is late");
    let by_the_frozen = world.ledger.events().len();
    successor.refresh().await.expect("a CRL is published");
    let adopted = frozen.refresh().await.expect("the CRL is adopted");

    assert_eq!((woken, by_the_frozen), (Standing::Awaited, 1));
    assert_eq!(adopted, Standing::UpToDate);
    assert_eq!(world.ledger.events().len(), 2);
    assert_eq!(parsed(&frozen).number(), parsed(&successor).number());
}

#[tokio::test]
async fn serves_what_there_is_while_the_list_is_another_servers_work() {
    let world = World::at_noon();
    let holder = publisher_of(&world, "one");
    holder.refresh().await.expect("a CRL is published");
    let ledger = Arc::clone(&world.ledger) as Arc<dyn Ledger>;
    let mut keeper = LeaseKeeper::new(
        ledger,
        Arc::clone(&world.clock) as _,
        "two".to_owned(),
        Tenure::Among,
    );
    let other = CrlPublisher {
        lease: keeper.lease("crl.tls"), // not claimed
        ..publisher_of(&world, "one")
    };
    world.clock.advance(Duration::from_secs(7_200));

    let standing = other.refresh().await.expect("the ledger answers");

    assert_eq!(standing, Standing::Awaited);
    assert_eq!(parsed(&other).number(), Some(1));
    assert_eq!(world.ledger.events().len(), 1);
}

/// The publisher of a server that claims the work by itself, as others do.
async fn publisher_among(world: &World, server: &str) -> (LeaseKeeper, CrlPublisher) {
    let ledger = Arc::clone(&world.ledger) as Arc<dyn Ledger>;
    let clock = Arc::clone(&world.clock) as Arc<dyn Clock>;
    let mut keeper = LeaseKeeper::new(ledger, clock, server.to_owned(), Tenure::Among);
    let lease = keeper.lease("crl.tls");
    keeper.claim().await.expect("the ledger answers");
    let schedule = PublishSchedule::default();
    let publisher = CrlPublisher::new(&world.corridor, world.issuer(), schedule, lease);
    (keeper, publisher)
}

#[tokio::test]
async fn leaves_the_list_to_another_server_when_its_own_signer_goes_on_failing() {
    for fault in [
        KeyFault::KnownAway,
        KeyFault::Away,
        KeyFault::WrongSignature,
    ] {
        let world = World::at_noon();
        let (ones, one) = publisher_among(&world, "one").await;
        let (twos, two) = publisher_among(&world, "two").await;
        let mut rest = PublishSchedule::default().poll;
        let mut held = Vec::new();

        world.key.set(fault);
        for _failure in 0..3 {
            rest = one.look(rest).await;
            held.push(one.lease.fence().is_some());
        }
        world.key.set(KeyFault::None); // the other server's, which is whole
        ones.claim().await.expect("the lease is given back");
        twos.claim().await.expect("nobody holds it");
        two.look(rest).await;
        one.look(rest).await;

        assert_eq!(held, [true, true, false], "{fault:?}");
        assert_eq!(rest, PublishSchedule::default().pause, "{fault:?}");
        assert_eq!(world.ledger.events().len(), 1, "{fault:?}");
        assert_eq!(parsed(&one).number(), parsed(&two).number(), "{fault:?}");
    }
}

#[tokio::test]
async fn keeps_its_work_while_the_store_that_all_share_is_away() {
    let world = World::at_noon();
    let (_keeper, publisher) = publisher_among(&world, "one").await;
    let mut rest = PublishSchedule::default().poll;

    world.ledger.set_away(true);
    for _failure in 0..5 {
        rest = publisher.look(rest).await;
    }
    world.ledger.set_away(false);

    assert!(publisher.lease.fence().is_some());
    assert_eq!(rest, LONGEST_REST);
}

#[tokio::test]
async fn does_not_adopt_a_list_of_the_key_before() {
    let before = World::at_noon();
    publisher(&before)
        .refresh()
        .await
        .expect("a CRL is published");
    let world = World::over(before.ledger.clone());
    let publisher = publisher(&world);

    publisher.refresh().await.expect("a CRL is published");

    let crl = parsed(&publisher);
    assert_eq!(crl.verify_issued_by(world.issuer().certificate()), Ok(()));
    assert_eq!(crl.number(), Some(2));
}

#[tokio::test]
async fn keeps_the_list_before_while_the_store_is_away() {
    let world = World::at_noon();
    let publisher = publisher(&world);
    publisher.refresh().await.expect("a CRL is published");
    world.clock.advance(Duration::from_secs(7_200));

    world.ledger.set_away(true);
    let refused = publisher.refresh().await;
    let kept = publisher.current();
    world.ledger.set_away(false);
    publisher.refresh().await.expect("a CRL is published");

    assert!(matches!(
        refused,
        Err(PublishError::Ledger(LedgerError::Unavailable { .. }))
    ));
    assert_eq!(kept.map(|crl| crl.published.number), Some(1));
    assert_eq!(parsed(&publisher).number(), Some(2));
}

#[tokio::test]
async fn draws_no_number_while_the_token_is_known_to_be_away() {
    let world = World::at_noon();
    let publisher = publisher(&world);

    world.key.set(KeyFault::KnownAway);
    let refused = publisher.refresh().await;
    world.key.set(KeyFault::None);
    publisher.refresh().await.expect("a CRL is published");

    assert!(matches!(refused, Err(PublishError::Key(_))));
    assert_eq!(parsed(&publisher).number(), Some(1));
}

#[tokio::test]
async fn wakes_up_when_something_is_revoked_here() {
    let world = World::at_noon();
    let schedule = PublishSchedule {
        poll: Duration::from_secs(3_600),
        pause: Duration::ZERO,
        ..PublishSchedule::default()
    };
    let lease = world.ledger.hand_over("crl.tls", "one");
    let publisher = CrlPublisher::new(&world.corridor, world.issuer(), schedule, lease);
    let publisher = Arc::new(publisher);
    let serial = world.insert("0102", CertificateState::Valid);
    let running = tokio::spawn({
        let publisher = Arc::clone(&publisher);
        async move { publisher.run(std::future::pending()).await }
    });
    let reached = async |number| {
        while publisher
            .current()
            .is_none_or(|crl| crl.published.number < number)
        {
            tokio::task::yield_now().await;
        }
    };
    let patience = Duration::from_secs(20);
    timeout(patience, reached(1))
        .await
        .expect("the first CRL is published");

    world
        .corridor
        .revoke("tls", &serial, RevocationReason::Superseded, &Actor::System)
        .await
        .expect("it is revoked");

    timeout(patience, reached(2))
        .await
        .expect("the second CRL is published");
    running.abort();
    assert_eq!(parsed(&publisher).revoked().len(), 1);
}
