//! What the store writes about its own log: seals, and how far it was handed on.

use std::sync::Arc;

use async_trait::async_trait;
use ca_issuance::audit::EventKind;
use ca_issuance::audit::export::{DeliveryError, Receiver};
use ca_issuance::audit::query::RecordedEvent;
use ca_issuance::ledger::Ledger;
use ca_store::Store;

use super::act::{Act, Prepared, acts, call, happened};
use crate::bench::{Bench, HOUR};
use crate::wax::Wax;

pub(super) fn acts() -> Vec<Act> {
    acts![
        "seal" => seal_first,
        "seal" => seal_again,
        "export" => export,
        "export" => export_more,
        "verify_audit" => verify_audit,
        "unsealed" => unsealed,
        "unexported" => unexported,
        "newest_checkpoint" => newest_checkpoint,
        "pending_migrations" => pending_migrations,
        "ping" => ping,
    ]
}

/// Takes everything.
struct Desk;

#[async_trait]
impl Receiver for Desk {
    async fn deliver(&self, _events: &[RecordedEvent]) -> Result<(), DeliveryError> {
        Ok(())
    }
}

async fn claim(bench: &Bench, work: &str) -> u64 {
    let claimed = bench.store.claim(work, "here", bench.now(), HOUR).await;
    claimed.unwrap().unwrap()
}

/// An hour after the last, so that the last checkpoint stays.
async fn seal_first(bench: &Bench, id: &str) -> Prepared {
    let prepared = seal_again(bench, id).await;
    bench.clock.advance(HOUR);
    claim(bench, Store::SEALING).await;
    prepared
}

/// What is unsealed is one event.
async fn seal_again(bench: &Bench, _id: &str) -> Prepared {
    let fencing = claim(bench, Store::SEALING).await;
    let store = bench.store.clone();
    store.seal(fencing, Arc::new(Wax)).await.unwrap();
    let event = happened(EventKind::LoginFailed);
    store.append_event(event).await.unwrap();
    call!(store => store.seal(fencing, Arc::new(Wax)))
}

async fn export(bench: &Bench, id: &str) -> Prepared {
    seal_again(bench, id).await.perform().await.unwrap();
    let fencing = claim(bench, Store::EXPORTING).await;
    let store = bench.store.clone();
    call!(store => store.export(fencing, &Desk))
}

async fn export_more(bench: &Bench, id: &str) -> Prepared {
    export(bench, id).await.perform().await.unwrap();
    export(bench, id).await
}

async fn verify_audit(bench: &Bench, _id: &str) -> Prepared {
    let store = bench.store.clone();
    call!(store => store.verify_audit(&Wax, Vec::new()))
}

async fn unsealed(bench: &Bench, _id: &str) -> Prepared {
    let store = bench.store.clone();
    call!(store => store.unsealed())
}

async fn unexported(bench: &Bench, _id: &str) -> Prepared {
    let store = bench.store.clone();
    call!(store => store.unexported())
}

async fn newest_checkpoint(bench: &Bench, _id: &str) -> Prepared {
    let store = bench.store.clone();
    call!(store => store.newest_checkpoint())
}

async fn pending_migrations(bench: &Bench, _id: &str) -> Prepared {
    let store = bench.store.clone();
    call!(store => store.pending_migrations())
}

async fn ping(bench: &Bench, _id: &str) -> Prepared {
    let store = bench.store.clone();
    call!(store => store.ping())
}
