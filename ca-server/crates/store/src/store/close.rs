//! How a store ends.

use std::sync::PoisonError;

use sea_orm::DbErr;

use super::{Nonces, Shared, Store};

impl Store {
    /// Finishes the changes that are queued, then closes the connections. Later changes are
    /// refused.
    pub async fn close(&self) {
        self.shared.queue.close();
        let writers = std::mem::take(
            &mut *self
                .shared
                .writers
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for writer in writers {
            if let Err(error) = writer.await {
                tracing::error!(%error, "a writer of the store ended badly");
            }
        }
        self.shared.identities.close();
        self.shared.compromised.close();
        self.shared.close_connections().await;
        *self
            .shared
            .serving
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Shared {
    async fn close_connections(&self) {
        if let Some(file) = &self.file {
            file.close();
        }
        if let Some(local) = &self.checkpoints {
            warn_unless_closed(local.close());
        }
        let nonces = match &self.nonces {
            Nonces::Own { .. } => None,
            Nonces::Shared {
                database,
                redeeming,
            } => {
                redeeming.close();
                Some(database)
            }
        };
        self.point_reads.close();
        for pool in [Some(&self.reads), nonces].into_iter().flatten() {
            warn_unless_closed(pool.close().await);
        }
        warn_unless_closed(self.writes.close().await);
    }
}

fn warn_unless_closed(closed: Result<(), DbErr>) {
    if let Err(error) = closed {
        tracing::warn!(%error, "a connection of the store did not close");
    }
}
