//! Renewing the server's own certificate: often tried, never given up.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::JobParts;

/// Renews when half of the certificate's life is over. While that fails the one before serves on,
/// and the pauses grow: a signer that comes back is noticed within the longest.
pub(super) async fn keep_renewed(parts: &JobParts, stop: &CancellationToken) {
    let mut rest = POLL;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(rest) => {}
        }
        rest = match turn(parts).await {
            Turn::Done => POLL,
            Turn::Failed => (rest * 2).min(LONGEST_REST),
        };
    }
}

enum Turn {
    Done,
    Failed,
}

async fn turn(parts: &JobParts) -> Turn {
    if !parts.certificate.is_due(parts.clock.now()) {
        return Turn::Done;
    }
    match parts.certificate.renew(&parts.corridor).await {
        Ok(validity) => {
            tracing::info!(not_after = %validity.not_after, "renewed the server's own certificate");
            crate::tls::count_renewal("renewed");
            Turn::Done
        }
        Err(error) => {
            let until = parts.certificate.not_after();
            let until = until.map_or_else(|| "none".to_owned(), |until| until.to_string());
            tracing::error!(
                error = &error as &dyn std::error::Error,
                until,
                "the server's own certificate is not renewed, trying again"
            );
            crate::tls::count_renewal("failed");
            Turn::Failed
        }
    }
}

const POLL: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(30);
