//! A net under the jobs: nobody else would do the work of one that panicked.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::panic;

/// Runs what `job` makes until it ends in order. A panic is a bug: it is logged and counted, and
/// the job begins anew after a pause, unless the server stops.
pub(super) async fn unbroken(
    name: &'static str,
    stop: CancellationToken,
    job: impl AsyncFn(&CancellationToken),
) {
    // From the start, or nobody could tell the first panic from a series that was not there.
    let panics = metrics::counter!("ca_job_panics_total", "work" => name);
    panics.increment(0);
    while let Err(panic) = AssertUnwindSafe(job(&stop)).catch_unwind().await {
        tracing::error!(
            job = name,
            panic = panic::text(panic.as_ref()),
            "a job panicked and begins anew"
        );
        panics.increment(1);
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(PAUSE) => {}
        }
    }
}

const PAUSE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn a_job_that_panics_begins_anew_until_it_ends() {
        let begun = Cell::new(0);
        let job = async |_stop: &_| {
            begun.set(begun.get() + 1);
            assert!(begun.get() == 2, "as the test wants it");
        };

        unbroken("test", CancellationToken::new(), job).await;

        assert_eq!(begun.get(), 2);
    }

    #[tokio::test]
    async fn a_job_that_panics_when_the_server_stops_is_left() {
        let begun = Cell::new(0);
        let stop = CancellationToken::new();
        stop.cancel();
        let job = async |_stop: &_| {
            begun.set(begun.get() + 1);
            assert!(begun.get() == 0, "as the test wants it");
        };

        unbroken("test", stop, job).await;

        assert_eq!(begun.get(), 1);
    }
}
