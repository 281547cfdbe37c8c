//! Handing the log on: in the order of the chain, each event at least once.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ca_issuance::audit::export::{DeliveryError, Receiver};
use ca_issuance::audit::query::RecordedEvent;
use ca_issuance::ledger::Ledger;
use ca_store::{Error, Store};

use crate::audit::{append, seal, sealed};
use crate::bench::{Bench, HOUR, on_both_databases};

on_both_databases!(
    hands_on_what_is_sealed_in_its_order,
    sends_again_what_was_not_taken,
    goes_on_where_it_was_after_a_restart,
    hands_on_an_event_that_was_committed_late,
    an_exporter_that_lost_its_lease_moves_nothing,
    hands_on_batch_by_batch,
    tells_how_much_the_receiver_lacks,
);

/// A receiver in memory, which refuses when told.
#[derive(Default)]
struct Desk {
    taken: Mutex<Vec<(u64, String)>>,
    away: Mutex<bool>,
}

impl Desk {
    fn subjects(&self) -> String {
        let taken = self.taken.lock().unwrap();
        taken.iter().map(|(_, subject)| subject.as_str()).collect()
    }

    fn positions(&self) -> Vec<u64> {
        let taken = self.taken.lock().unwrap();
        taken.iter().map(|(position, _)| *position).collect()
    }

    fn set_away(&self, away: bool) {
        *self.away.lock().unwrap() = away;
    }
}

#[async_trait]
impl Receiver for Desk {
    async fn deliver(&self, events: &[RecordedEvent]) -> Result<(), DeliveryError> {
        let placed = |event: &RecordedEvent| (event.position.unwrap(), event.subject.clone());
        self.taken.lock().unwrap().extend(events.iter().map(placed));
        match *self.away.lock().unwrap() {
            true => Err(DeliveryError("away".to_owned())),
            false => Ok(()),
        }
    }
}

async fn claim(bench: &Bench, holder: &str) -> u64 {
    let claimed = bench
        .store
        .claim(Store::EXPORTING, holder, bench.now(), HOUR);
    claimed.await.unwrap().unwrap()
}

async fn export(bench: &Bench, desk: &Desk) -> Result<u64, Error> {
    let fencing = claim(bench, "exporter").await;
    bench.store.export(fencing, desk).await
}

async fn hands_on_what_is_sealed_in_its_order(bench: Bench) {
    let desk = Desk::default();
    sealed(&bench, &["a", "b"]).await;
    append(&bench, &["c"]).await;

    let first = export(&bench, &desk).await.unwrap();
    let idle = export(&bench, &desk).await.unwrap();
    seal(&bench).await;
    let second = export(&bench, &desk).await.unwrap();

    assert_eq!((first, idle, second), (2, 0, 1));
    assert_eq!(desk.subjects(), "abc");
    assert_eq!(desk.positions(), [1, 2, 3]);
}

async fn sends_again_what_was_not_taken(bench: Bench) {
    let desk = Desk::default();
    sealed(&bench, &["a", "b"]).await;

    desk.set_away(true);
    let refused = export(&bench, &desk).await;
    desk.set_away(false);
    let taken = export(&bench, &desk).await;

    assert!(matches!(refused, Err(Error::NotExported(_))));
    assert_eq!(taken.unwrap(), 2);
    assert_eq!(desk.positions(), [1, 2, 1, 2]);
}

async fn goes_on_where_it_was_after_a_restart(mut bench: Bench) {
    let desk = Desk::default();
    sealed(&bench, &["a"]).await;
    export(&bench, &desk).await.unwrap();

    bench.restart().await;
    sealed(&bench, &["b"]).await;
    export(&bench, &desk).await.unwrap();

    assert_eq!(desk.subjects(), "ab");
}

async fn hands_on_an_event_that_was_committed_late(bench: Bench) {
    let desk = Desk::default();
    append(&bench, &["a", "b"]).await;
    bench
        .execute("UPDATE audit_event SET sequence = 1000 WHERE subject = 'b'")
        .await;
    seal(&bench).await;
    export(&bench, &desk).await.unwrap();
    bench
        .execute(
            "INSERT INTO audit_event (sequence, at, kind, actor, subject, details) \
             VALUES (500, 1, 'order.created', 'system', 'late', '{}')",
        )
        .await;
    seal(&bench).await;

    export(&bench, &desk).await.unwrap();

    assert_eq!(desk.subjects(), "ablate");
}

async fn an_exporter_that_lost_its_lease_moves_nothing(bench: Bench) {
    let desk = Desk::default();
    sealed(&bench, &["a"]).await;
    let late = claim(&bench, "slow").await;
    bench.clock.advance(HOUR * 2);
    let quick = claim(&bench, "quick").await;

    let refused = bench.store.export(late, &desk).await;
    let taken = bench.store.export(quick, &desk).await;

    assert!(matches!(refused, Err(Error::Conflict)));
    assert_eq!(taken.unwrap(), 1);
    assert_eq!(desk.subjects(), "aa");
}

async fn hands_on_batch_by_batch(bench: Bench) {
    let desk = Desk::default();
    let batch = Store::EXPORT_BATCH;
    let rows = if bench.url.starts_with("sqlite") {
        format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <= {batch}) \
             SELECT i FROM n"
        )
    } else {
        format!("SELECT generate_series(1, {batch} + 1) AS i")
    };
    bench
        .execute(&format!(
            "INSERT INTO audit_event (at, kind, actor, subject, details) \
             SELECT 1, 'order.created', 'system', 'x', '{{}}' FROM ({rows}) AS many"
        ))
        .await;
    seal(&bench).await;

    let first = export(&bench, &desk).await.unwrap();
    let second = export(&bench, &desk).await.unwrap();

    assert_eq!((first, second), (batch, 1));
    assert_eq!(desk.positions(), (1..=batch + 1).collect::<Vec<_>>());
}

async fn tells_how_much_the_receiver_lacks(bench: Bench) {
    let desk = Arc::new(Desk::default());
    sealed(&bench, &["a", "b"]).await;

    let before = bench.store.unexported().await.unwrap();
    export(&bench, &desk).await.unwrap();
    let after = bench.store.unexported().await.unwrap();

    assert_eq!(
        (before.events, before.since),
        (2, Some(crate::bench::START))
    );
    assert_eq!((after.events, after.since), (0, None));
}
