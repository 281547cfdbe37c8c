//! The audit log's jobs: sealing it, handing it on, showing how far both are.

use std::sync::Arc;
use std::time::Duration;

use ca_issuance::audit::chain::Checkpoint;
use ca_issuance::audit::export::Receiver;
use ca_pki::hex;
use ca_store::{Backlog, Store};
use metrics::gauge;

use super::JobParts;

/// Seals what happened since the last time, on whichever server holds the lease.
pub(super) async fn seal(parts: &JobParts) {
    while seal_some(parts).await == Some(Store::SEALED_AT_ONCE) {
        // How much of a backlog is left must be seen before it is gone.
        observe(parts).await;
    }
    observe(parts).await;
}

async fn seal_some(parts: &JobParts) -> Option<u64> {
    let fence = parts.duties.sealing.fence()?;
    let sealed = parts.store.seal(fence.number, Arc::clone(&parts.seal));
    match sealed.await {
        Ok(sealed) => {
            parts.duties.sealing.succeeded();
            sealed.checkpoint.iter().for_each(tell);
            Some(sealed.events)
        }
        Err(error) => {
            tracing::error!(%error, "the audit log is not sealed, trying again");
            // By the audit key, which each server reaches by itself.
            if matches!(error, ca_store::Error::NotSealed(_)) {
                parts.duties.sealing.failed(&error);
            }
            None
        }
    }
}

/// Hands on what is sealed until the receiver has everything.
pub(super) async fn export(parts: &JobParts) {
    let Some(receiver) = &parts.receiver else {
        return;
    };
    while let Some(fence) = parts.duties.exporting.fence() {
        match hand_on(parts, fence.number, receiver.as_ref()).await {
            Some(Store::EXPORT_BATCH) => {}
            Some(_) | None => break,
        }
    }
}

async fn hand_on(parts: &JobParts, fencing: u64, receiver: &dyn Receiver) -> Option<u64> {
    match parts.store.export(fencing, receiver).await {
        Ok(events) => {
            parts.duties.exporting.succeeded();
            Some(events)
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(%error, cause, "the audit log is not handed on, trying again");
            // Another server may have a way to the receiver.
            if matches!(error, ca_store::Error::NotExported(_)) {
                parts.duties.exporting.failed(&error);
            }
            None
        }
    }
}

/// Whoever keeps the logs elsewhere has what shows a tail that was cut: the fields are those of
/// `audit checkpoint`, and `audit verify --checkpoint` takes the line.
fn tell(checkpoint: &Checkpoint) {
    tracing::info!(
        position = checkpoint.position,
        link = %hex::lower(&checkpoint.link),
        at = %checkpoint.at,
        key = checkpoint.key,
        signature = %hex::lower(&checkpoint.signature),
        "sealed the audit log"
    );
}

/// Every server shows the same numbers, so that they are there whichever of them works.
async fn observe(parts: &JobParts) {
    show(parts, "ca_audit_unsealed", parts.store.unsealed().await);
    if parts.receiver.is_some() {
        show(parts, "ca_audit_export_lag", parts.store.unexported().await);
    }
}

fn show(parts: &JobParts, name: &str, waiting: Result<Backlog, ca_store::Error>) {
    match waiting {
        Ok(waiting) => {
            let now = parts.clock.now();
            let age = waiting
                .since
                .map_or(Duration::ZERO, |since| now.since(since));
            gauge!(format!("{name}_events")).set(waiting.events as f64);
            gauge!(format!("{name}_seconds")).set(age.as_secs_f64());
        }
        Err(error) => tracing::warn!(%error, name, "cannot be told"),
    }
}
