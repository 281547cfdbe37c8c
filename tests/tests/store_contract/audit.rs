//! The audit chain: sealed in order, and broken by whoever touches it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ca_issuance::audit::EventKind;
use ca_issuance::audit::chain::{Checkpoint, Judgement, Seal, SealError, Tampering};
use ca_issuance::ledger::Ledger;
use ca_store::{Error, Store};

use crate::bench::{Bench, HOUR, START, event, fifty, on_both_databases};

on_both_databases!(
    seals_every_event_and_verifies,
    seals_an_event_that_was_committed_late,
    seals_nothing_onto_a_cut_tail,
    seals_nothing_onto_a_rewritten_tail,
    names_a_forged_checkpoint,
    names_a_changed_checkpoint,
    seals_nothing_onto_a_forged_checkpoint,
    goes_on_under_another_key,
    tells_what_waits_and_the_newest_checkpoint,
    a_sealer_that_lost_its_lease_seals_nothing,
    keeps_one_checkpoint_an_hour,
    verifies_beside_a_sealer,
    leaves_events_unsealed_when_the_seal_fails,
    takes_no_backlog_for_events_slipped_in,
);

/// A seal that is good enough to tell its own signatures from others: its own, and those of the
/// seals before it that it still trusts.
pub(crate) struct Wax(pub(crate) u8);

impl Seal for Wax {
    fn key(&self) -> String {
        format!("wax-{}", self.0)
    }

    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, SealError> {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.pressed(octets));
        Ok(digest.as_ref().to_vec())
    }

    fn judge(&self, key: &str, octets: &[u8], signature: &[u8]) -> Judgement {
        let known = [self.0, 1];
        let signed = known
            .into_iter()
            .map(Wax)
            .any(|wax| wax.key() == key && wax.sign(octets).is_ok_and(|made| made == signature));
        match signed {
            true => Judgement::Vouches,
            false => Judgement::Forged,
        }
    }
}

impl Wax {
    fn pressed(&self, octets: &[u8]) -> Vec<u8> {
        [&[self.0], octets].concat()
    }
}

pub(crate) async fn append(bench: &Bench, subjects: &[&str]) {
    for subject in subjects {
        let event = event(EventKind::CertificateRefused, subject);
        bench.store.append_event(event).await.unwrap();
    }
}

async fn claim(bench: &Bench, holder: &str) -> u64 {
    let claimed = bench.store.claim(Store::SEALING, holder, bench.now(), HOUR);
    claimed.await.unwrap().unwrap()
}

pub(crate) async fn seal(bench: &Bench) -> Option<Checkpoint> {
    let fencing = claim(bench, "sealer").await;
    let sealed = bench.store.seal(fencing, Arc::new(Wax(1))).await.unwrap();
    sealed.checkpoint
}

pub(crate) async fn sealed(bench: &Bench, subjects: &[&str]) {
    append(bench, subjects).await;
    seal(bench).await;
}

pub(crate) async fn verify(bench: &Bench) -> Result<u64, Tampering> {
    let verification = bench.store.verify_audit(&Wax(1), Vec::new()).await.unwrap();
    verification.chain
}

async fn seals_every_event_and_verifies(bench: Bench) {
    fifty(|number| {
        let store = bench.store.clone();
        let event = event(EventKind::CertificateRefused, &format!("order-{number}"));
        async move { store.append_event(event).await.unwrap() }
    })
    .await;
    let before = bench.store.verify_audit(&Wax(1), Vec::new()).await.unwrap();

    let checkpoint = seal(&bench).await.unwrap();
    let idle = seal(&bench).await;
    append(&bench, &["one more"]).await;
    seal(&bench).await;

    assert_eq!((before.chain, before.unsealed), (Ok(0), 50));
    assert_eq!(checkpoint.position, 50);
    assert_eq!(idle, None);
    let after = bench
        .store
        .verify_audit(&Wax(1), vec![checkpoint])
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

    let verification = bench.store.verify_audit(&Wax(1), Vec::new()).await.unwrap();
    assert_eq!((verification.chain, verification.unsealed), (Ok(4), 0));
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

async fn seals_nothing_onto_a_forged_checkpoint(bench: Bench) {
    sealed(&bench, &["a", "b"]).await;
    bench
        .execute("UPDATE audit_checkpoint SET signature = hash")
        .await;
    append(&bench, &["c"]).await;

    let fencing = claim(&bench, "sealer").await;
    let refused = bench.store.seal(fencing, Arc::new(Wax(1))).await;

    assert!(matches!(refused, Err(Error::Corrupt(_))));
    assert_eq!(verify(&bench).await, Err(forged(2, "wax-1")));
}

async fn names_a_forged_checkpoint(bench: Bench) {
    append(&bench, &["a", "b"]).await;
    let fencing = claim(&bench, "sealer").await;
    bench.store.seal(fencing, Arc::new(Wax(2))).await.unwrap();

    assert_eq!(verify(&bench).await, Err(forged(2, "wax-2")));
}

async fn names_a_changed_checkpoint(bench: Bench) {
    for change in [
        "position = 7",
        "hash = 'x'",
        "at = at + 1",
        "signature = 'x'",
        "key = 'wax'",
    ] {
        sealed(&bench, &["a", "b"]).await;
        let change = match bench.url.starts_with("sqlite") {
            true => change.replace("= 'x'", "= CAST('x' AS BLOB)"),
            false => change.to_owned(),
        };

        bench
            .execute(&format!("UPDATE audit_checkpoint SET {change}"))
            .await;

        let found = verify(&bench).await;
        assert!(
            matches!(found, Err(Tampering::Forged { .. })),
            "{change}: {found:?}"
        );
        bench.execute("DELETE FROM audit_checkpoint").await;
        bench.execute("DELETE FROM audit_event").await;
    }
}

fn forged(position: u64, key: &str) -> Tampering {
    let key = key.to_owned();
    Tampering::Forged { position, key }
}

async fn goes_on_under_another_key(bench: Bench) {
    sealed(&bench, &["a"]).await;
    bench.clock.advance(HOUR);
    append(&bench, &["b"]).await;
    let fencing = claim(&bench, "sealer").await;
    let sealed = bench.store.seal(fencing, Arc::new(Wax(2))).await;

    let newest = bench.store.newest_checkpoint().await.unwrap().unwrap();
    let knowing_both = bench.store.verify_audit(&Wax(2), Vec::new()).await.unwrap();
    append(&bench, &["c"]).await;
    let going_back = bench.store.seal(fencing, Arc::new(Wax(1))).await;

    assert_eq!(sealed.unwrap().events, 1);
    assert_eq!((newest.position, newest.key.as_str()), (2, "wax-2"));
    assert_eq!(knowing_both.chain, Ok(2));
    assert!(matches!(going_back, Err(Error::Corrupt(_))));
}

async fn tells_what_waits_and_the_newest_checkpoint(bench: Bench) {
    let nothing = bench.store.newest_checkpoint().await.unwrap();
    append(&bench, &["a", "b"]).await;
    let waiting = bench.store.unsealed().await.unwrap();
    let sealed = seal(&bench).await;
    let idle = bench.store.unsealed().await.unwrap();

    assert_eq!(nothing, None);
    assert_eq!((waiting.events, waiting.since), (2, Some(START)));
    assert_eq!(bench.store.newest_checkpoint().await.unwrap(), sealed);
    assert_eq!((idle.events, idle.since), (0, None));
}

async fn a_sealer_that_lost_its_lease_seals_nothing(bench: Bench) {
    append(&bench, &["a"]).await;
    let late = claim(&bench, "slow").await;
    bench.clock.advance(HOUR * 2);
    claim(&bench, "quick").await;

    let refused = bench.store.seal(late, Arc::new(Wax(1))).await;

    assert!(matches!(refused, Err(Error::Conflict)));
    let verification = bench.store.verify_audit(&Wax(1), Vec::new()).await.unwrap();
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
    fn key(&self) -> String {
        "none".to_owned()
    }

    fn sign(&self, _octets: &[u8]) -> Result<Vec<u8>, SealError> {
        Err(SealError("the token is away".to_owned()))
    }

    fn judge(&self, _key: &str, _octets: &[u8], _signature: &[u8]) -> Judgement {
        Judgement::Forged
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

/// Seals once, as a sealer that ends between two batches.
struct LastWax(AtomicBool);

impl Seal for LastWax {
    fn key(&self) -> String {
        Wax(1).key()
    }

    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, SealError> {
        match self.0.swap(true, Ordering::SeqCst) {
            false => Wax(1).sign(octets),
            true => NoWax.sign(octets),
        }
    }

    fn judge(&self, key: &str, octets: &[u8], signature: &[u8]) -> Judgement {
        Wax(1).judge(key, octets, signature)
    }
}

async fn takes_no_backlog_for_events_slipped_in(bench: Bench) {
    for _ in 0..6 {
        fifty(|_| {
            let store = bench.store.clone();
            let event = event(EventKind::CertificateRefused, "waits");
            async move { store.append_event(event).await.unwrap() }
        })
        .await;
    }
    bench.clock.advance(HOUR);
    let fencing = claim(&bench, "sealer").await;

    let ended = LastWax(AtomicBool::new(false));
    let ended = bench.store.seal(fencing, Arc::new(ended)).await;
    let between = bench.store.verify_audit(&Wax(1), Vec::new()).await.unwrap();
    seal(&bench).await;

    assert!(matches!(ended, Err(Error::NotSealed(_))));
    assert_eq!((between.chain, between.unsealed), (Ok(250), 50));
    assert_eq!(verify(&bench).await, Ok(300));
}
