//! The audit chain: sealed in order, and broken by whoever touches it.

use std::sync::Arc;
use std::time::Duration;

use ca_issuance::audit::EventKind;
use ca_issuance::audit::chain::{Checkpoint, Seal, SealError, Tampering};
use ca_issuance::ledger::Ledger;
use ca_store::{Error, Store};

use crate::bench::{Bench, HOUR, START, event, fifty, on_both_databases};

on_both_databases!(
    seals_every_event_and_verifies,
    seals_an_event_that_was_committed_late,
    names_a_changed_event,
    names_a_removed_event,
    names_an_inserted_event,
    names_a_cut_tail,
    names_a_tail_cut_together_with_its_checkpoint,
    seals_nothing_onto_a_cut_tail,
    seals_nothing_onto_a_rewritten_tail,
    names_a_forged_checkpoint,
    names_a_forged_checkpoint_of_the_same_hour,
    a_sealer_that_lost_its_lease_seals_nothing,
    keeps_one_checkpoint_an_hour,
    verifies_beside_a_sealer,
    leaves_events_unsealed_when_the_seal_fails,
);

/// A seal that is good enough to tell its own signatures from others.
pub(crate) struct Wax(pub(crate) u8);

impl Seal for Wax {
    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, SealError> {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.pressed(octets));
        Ok(digest.as_ref().to_vec())
    }

    fn verify(&self, octets: &[u8], signature: &[u8]) -> bool {
        self.sign(octets)
            .is_ok_and(|expected| expected == signature)
    }
}

impl Wax {
    fn pressed(&self, octets: &[u8]) -> Vec<u8> {
        [&[self.0], octets].concat()
    }
}

async fn append(bench: &Bench, subjects: &[&str]) {
    for subject in subjects {
        let event = event(EventKind::CertificateRefused, subject);
        bench.store.append_event(event).await.unwrap();
    }
}

async fn claim(bench: &Bench, holder: &str) -> u64 {
    let claimed = bench.store.claim(Store::SEALING, holder, bench.now(), HOUR);
    claimed.await.unwrap().unwrap()
}

async fn seal(bench: &Bench) -> Option<Checkpoint> {
    let fencing = claim(bench, "sealer").await;
    let sealed = bench.store.seal(fencing, Arc::new(Wax(1))).await.unwrap();
    sealed.checkpoint
}

async fn sealed(bench: &Bench, subjects: &[&str]) {
    append(bench, subjects).await;
    seal(bench).await;
}

async fn verify(bench: &Bench) -> Result<u64, Tampering> {
    let verification = bench.store.verify_audit(&Wax(1), None).await.unwrap();
    verification.chain
}

async fn seals_every_event_and_verifies(bench: Bench) {
    fifty(|number| {
        let store = bench.store.clone();
        let event = event(EventKind::CertificateRefused, &format!("order-{number}"));
        async move { store.append_event(event).await.unwrap() }
    })
    .await;
    let before = bench.store.verify_audit(&Wax(1), None).await.unwrap();

    let checkpoint = seal(&bench).await.unwrap();
    let idle = seal(&bench).await;
    append(&bench, &["one more"]).await;
    seal(&bench).await;

    assert_eq!((before.chain, before.unsealed), (Ok(0), 50));
    assert_eq!(checkpoint.position, 50);
    assert_eq!(idle, None);
    let after = bench
        .store
        .verify_audit(&Wax(1), Some(checkpoint))
        .await
        .unwrap();
    assert_eq!((after.chain, after.unsealed), (Ok(51), 0));
}

async fn seals_an_event_that_was_committed_late(bench: Bench) {
    sealed(&bench, &["a", "b"]).await;
    bench
        .execute(
            "INSERT INTO audit_event (sequence, at, kind, actor, subject, details) \
             VALUES (-5, 1, 'order.created', 'system', 'late', '{}')",
        )
        .await;
    bench
        .execute("UPDATE audit_event SET sequence = 1000 WHERE sequence = -5")
        .await;
    append(&bench, &["c"]).await;

    seal(&bench).await;

    let verification = bench.store.verify_audit(&Wax(1), None).await.unwrap();
    assert_eq!((verification.chain, verification.unsealed), (Ok(4), 0));
}

async fn names_a_changed_event(bench: Bench) {
    sealed(&bench, &["a", "b", "c"]).await;

    bench
        .execute("UPDATE audit_event SET subject = 'x' WHERE position = 2")
        .await;

    assert!(matches!(
        verify(&bench).await,
        Err(Tampering::Changed { position: 2, .. })
    ));
}

async fn names_a_removed_event(bench: Bench) {
    sealed(&bench, &["a", "b", "c"]).await;

    bench
        .execute("DELETE FROM audit_event WHERE position = 2")
        .await;

    assert_eq!(
        verify(&bench).await,
        Err(Tampering::Removed { position: 2 })
    );
}

async fn names_an_inserted_event(bench: Bench) {
    sealed(&bench, &["a", "b", "c"]).await;

    bench
        .execute("UPDATE audit_event SET position = 4 WHERE position = 3")
        .await;
    bench
        .execute(
            "INSERT INTO audit_event (sequence, at, kind, actor, subject, details, position, hash) \
             SELECT 999, at, kind, actor, 'inserted', details, 3, hash \
             FROM audit_event WHERE position = 2",
        )
        .await;

    let (position, sequence) = (3, 999);
    assert_eq!(
        verify(&bench).await,
        Err(Tampering::Changed { position, sequence })
    );
}

async fn names_a_cut_tail(bench: Bench) {
    sealed(&bench, &["a", "b", "c"]).await;

    bench
        .execute("DELETE FROM audit_event WHERE position > 1")
        .await;

    let (first, last) = (2, 3);
    assert_eq!(verify(&bench).await, Err(Tampering::Cut { first, last }));
}

async fn names_a_tail_cut_together_with_its_checkpoint(bench: Bench) {
    sealed(&bench, &["a"]).await;
    bench.clock.advance(HOUR);
    append(&bench, &["b", "c"]).await;
    let kept = seal(&bench).await;

    bench
        .execute("DELETE FROM audit_event WHERE position > 1")
        .await;
    bench
        .execute("DELETE FROM audit_checkpoint WHERE position > 1")
        .await;
    let from_the_database_alone = verify(&bench).await;
    let with_the_kept_one = bench.store.verify_audit(&Wax(1), kept).await.unwrap();

    let (first, last) = (2, 3);
    assert_eq!(from_the_database_alone, Ok(1));
    assert_eq!(with_the_kept_one.chain, Err(Tampering::Cut { first, last }));
}

async fn seals_nothing_onto_a_cut_tail(bench: Bench) {
    sealed(&bench, &["a", "b", "c"]).await;
    bench
        .execute("DELETE FROM audit_event WHERE position > 1")
        .await;
    append(&bench, &["d", "e", "f"]).await;

    let fencing = claim(&bench, "sealer").await;
    let refused = bench.store.seal(fencing, Arc::new(Wax(1))).await;

    assert!(matches!(refused, Err(Error::Corrupt(_))));
    let (first, last) = (2, 3);
    assert_eq!(verify(&bench).await, Err(Tampering::Cut { first, last }));
}

async fn seals_nothing_onto_a_rewritten_tail(bench: Bench) {
    sealed(&bench, &["a", "b"]).await;
    // Who rewrites an event computes its link anew; any other value shows the same here.
    bench
        .execute("UPDATE audit_event SET hash = (SELECT hash FROM audit_event WHERE position = 1)")
        .await;
    append(&bench, &["c"]).await;

    let fencing = claim(&bench, "sealer").await;
    let refused = bench.store.seal(fencing, Arc::new(Wax(1))).await;

    assert!(matches!(refused, Err(Error::Corrupt(_))));
    assert_eq!(bench.count("audit_checkpoint").await, 1);
}

async fn names_a_forged_checkpoint_of_the_same_hour(bench: Bench) {
    sealed(&bench, &["a", "b"]).await;
    bench
        .execute("UPDATE audit_checkpoint SET signature = hash")
        .await;

    sealed(&bench, &["c"]).await;

    assert_eq!(verify(&bench).await, Err(Tampering::Forged { position: 2 }));
}

async fn names_a_forged_checkpoint(bench: Bench) {
    append(&bench, &["a", "b"]).await;
    let fencing = claim(&bench, "sealer").await;
    bench.store.seal(fencing, Arc::new(Wax(2))).await.unwrap();

    assert_eq!(verify(&bench).await, Err(Tampering::Forged { position: 2 }));
}

async fn a_sealer_that_lost_its_lease_seals_nothing(bench: Bench) {
    append(&bench, &["a"]).await;
    let late = claim(&bench, "slow").await;
    bench.clock.advance(HOUR * 2);
    claim(&bench, "quick").await;

    let refused = bench.store.seal(late, Arc::new(Wax(1))).await;

    assert!(matches!(refused, Err(Error::Conflict)));
    let verification = bench.store.verify_audit(&Wax(1), None).await.unwrap();
    assert_eq!(verification.unsealed, 1);
}

async fn keeps_one_checkpoint_an_hour(bench: Bench) {
    for _ in 0..4 {
        sealed(&bench, &["a"]).await;
        bench.clock.advance(Duration::from_secs(1_800));
    }

    assert_eq!(START.unix_secs() % 3_600, 0);
    assert_eq!(bench.count("audit_checkpoint").await, 2);
    assert_eq!(verify(&bench).await, Ok(4));
}

async fn verifies_beside_a_sealer(bench: Bench) {
    let fencing = claim(&bench, "sealer").await;
    let store = bench.store.clone();
    let sealing = tokio::spawn(async move {
        for number in 0..30 {
            let event = event(EventKind::CertificateRefused, &number.to_string());
            store.append_event(event).await.unwrap();
            store.seal(fencing, Arc::new(Wax(1))).await.unwrap();
        }
    });

    while !sealing.is_finished() {
        let seen = verify(&bench).await;
        assert!(seen.is_ok(), "{seen:?}");
    }
    sealing.await.unwrap();

    assert_eq!(verify(&bench).await, Ok(30));
}

/// A seal whose token is away.
struct NoWax;

impl Seal for NoWax {
    fn sign(&self, _octets: &[u8]) -> Result<Vec<u8>, SealError> {
        Err(SealError("the token is away".to_owned()))
    }

    fn verify(&self, _octets: &[u8], _signature: &[u8]) -> bool {
        false
    }
}

async fn leaves_events_unsealed_when_the_seal_fails(bench: Bench) {
    append(&bench, &["a"]).await;
    let fencing = claim(&bench, "sealer").await;

    let refused = bench.store.seal(fencing, Arc::new(NoWax)).await;
    let later = seal(&bench).await;

    assert!(matches!(refused, Err(Error::NotSealed(_))));
    assert_eq!(later.map(|checkpoint| checkpoint.position), Some(1));
}
