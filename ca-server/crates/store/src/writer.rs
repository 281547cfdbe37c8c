//! The writer: takes changes from a bounded queue and commits them in groups.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::runtime;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::Error;
use crate::change::{Change, Pending, Standing, Unit};
use crate::connect::Options;
use crate::database::Database;
use crate::group::{self, Fate};
use crate::nonce::Memory;

/// The way to the writers, and the handle that stops them.
pub(crate) struct Queue {
    lanes: Vec<mpsc::Sender<Box<dyn Unit>>>,
    next: AtomicUsize,
    closing: watch::Sender<bool>,
}

/// One task, one connection, one group at a time.
struct Writer {
    database: Database,
    lane: mpsc::Receiver<Box<dyn Unit>>,
    again: Vec<Box<dyn Unit>>,
    nonces: Option<Arc<Memory>>,
    closing: watch::Receiver<bool>,
    group_size: usize,
}

/// Starts `writers` writers; `nonces` are saved by the first. The receivers tell when each has
/// ended.
pub(crate) fn start(
    database: &Database,
    writers: u32,
    nonces: Option<&Arc<Memory>>,
    options: &Options,
) -> Result<(Queue, Vec<oneshot::Receiver<()>>), Error> {
    let (closing, closing_seen) = watch::channel(false);
    let mut lanes = Vec::new();
    let mut ends = Vec::new();
    for _ in 0..writers.max(1) {
        let (sender, lane) = mpsc::channel(options.queue_length.max(1));
        let writer = Writer {
            database: database.clone(),
            lane,
            again: Vec::new(),
            nonces: nonces.cloned(),
            closing: closing_seen.clone(),
            group_size: options.group_size.max(1),
        };
        lanes.push(sender);
        ends.push(writer.start()?);
    }
    let queue = Queue {
        lanes,
        next: AtomicUsize::new(0),
        closing,
    };
    Ok((queue, ends))
}

impl Queue {
    /// Hands a change to a writer and waits until it is durable. Dropping the future does not
    /// take the change back.
    pub(crate) async fn write<C: Change>(&self, change: C) -> Result<C::Outcome, Error> {
        let (pending, answer) = Pending::new(change);
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.lanes.len().max(1);
        let lane = self.lanes.get(turn).ok_or(Error::Closed)?;
        lane.try_send(Box::new(pending))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => Error::QueueFull,
                mpsc::error::TrySendError::Closed(_) => Error::Closed,
            })?;
        metrics::gauge!("ca_store_queue_depth").increment(1.0);
        match timeout(ANSWER_DEADLINE, answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_writer_gone)) => Err(Error::Closed),
            Err(_elapsed) => Err(Error::DeadlinePassed),
        }
    }

    /// Tells the writers to finish what is queued and to take nothing more.
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }
}

impl Writer {
    /// Runs the writer: of a file on a thread of its own, because it blocks, also for the disk.
    fn start(self) -> Result<oneshot::Receiver<()>, Error> {
        let (ending, end) = oneshot::channel();
        match self.database.swift {
            None => {
                tokio::spawn(async move {
                    self.run().await;
                    // Nobody listens where the store was dropped and not closed.
                    let _ = ending.send(());
                });
            }
            Some(_) => {
                let cannot = |error: std::io::Error| Error::Unavailable(Arc::new(error));
                let waiting = runtime::Builder::new_current_thread().enable_time().build();
                let waiting = waiting.map_err(cannot)?;
                let thread = std::thread::Builder::new().name("store-writer".to_owned());
                let started = thread.spawn(move || {
                    waiting.block_on(self.run());
                    let _ = ending.send(());
                });
                started.map_err(cannot)?;
            }
        }
        Ok(end)
    }

    async fn run(mut self) {
        while let Some(units) = self.next_group().await {
            self.commit(units).await;
        }
        self.commit(Vec::new()).await;
    }

    /// Waits for work; `None` when the queue is closed and empty. An empty group saves nonces.
    async fn next_group(&mut self) -> Option<Vec<Box<dyn Unit>>> {
        let mut units = std::mem::take(&mut self.again);
        let again = units.len();
        if units.is_empty() {
            tokio::select! {
                biased;
                unit = self.lane.recv() => units.push(unit?),
                () = overdue(self.nonces.as_deref()) => return Some(units),
                Ok(()) = self.closing.changed() => self.lane.close(),
            }
        }
        while units.len() < self.group_size {
            let Ok(unit) = self.lane.try_recv() else {
                break;
            };
            units.push(unit);
        }
        let taken = units.len() - again;
        metrics::gauge!("ca_store_queue_depth").decrement(taken as f64);
        Some(units)
    }

    async fn commit(&mut self, mut units: Vec<Box<dyn Unit>>) {
        match self.attempt(&mut units).await {
            Fate::Committed => self.answer(units),
            Fate::NotBegun(error) | Fate::InDoubt(error) => fail(units, &error),
            Fate::Lost(error) if units.len() <= 1 => fail(units, &error),
            // One unit or the connection broke the transaction: each gets one of its own, so that
            // a unit which breaks every transaction takes no other with it.
            Fate::Lost(_) => self.commit_each(units).await,
        }
    }

    async fn commit_each(&mut self, units: Vec<Box<dyn Unit>>) {
        let mut unreachable = None;
        for unit in units {
            let mut alone = vec![unit];
            if let Some(error) = &unreachable {
                fail(alone, error);
                continue;
            }
            match self.attempt(&mut alone).await {
                Fate::Committed => self.answer(alone),
                Fate::Lost(error) | Fate::InDoubt(error) => fail(alone, &error),
                Fate::NotBegun(error) => {
                    fail(alone, &error);
                    unreachable = Some(error);
                }
            }
        }
    }

    async fn attempt(&mut self, units: &mut [Box<dyn Unit>]) -> Fate {
        let nonces = self.nonces.as_deref().map(Memory::take_unsaved);
        let nonces = nonces.unwrap_or_default();
        if units.is_empty() && nonces.is_empty() {
            return Fate::Committed;
        }
        let begun = Instant::now();
        let group = group::run(&self.database, units, &nonces);
        let group = AssertUnwindSafe(group).catch_unwind();
        let fate = match timeout(GROUP_DEADLINE, group).await {
            Ok(Ok(fate)) => fate,
            // Without a writer nothing could be changed until the server is started again.
            Ok(Err(_panic)) => Fate::InDoubt(Error::Panicked),
            Err(_elapsed) => {
                self.database.pool.doubt(begun);
                Fate::InDoubt(Error::DeadlinePassed)
            }
        };
        if let Fate::NotBegun(error) | Fate::Lost(error) | Fate::InDoubt(error) = &fate {
            self.database.renew().await;
            if units.is_empty() {
                // Nobody waits for nonces, so nobody else will say it.
                tracing::error!(%error, nonces = nonces.len(), "redeemed nonces are not saved yet");
            }
            if let Some(memory) = &self.nonces {
                memory.put_back(nonces);
            }
        }
        fate
    }

    fn answer(&mut self, units: Vec<Box<dyn Unit>>) {
        for unit in units {
            match unit.standing() {
                Standing::Done => unit.answer(),
                Standing::Again => self.again.push(unit),
            }
        }
    }
}

async fn overdue(nonces: Option<&Memory>) {
    match nonces {
        Some(memory) => memory.overdue().await,
        None => std::future::pending().await,
    }
}

fn fail(units: Vec<Box<dyn Unit>>, error: &Error) {
    for unit in units {
        unit.fail(error.clone());
    }
}

const GROUP_DEADLINE: Duration = Duration::from_secs(15);
const ANSWER_DEADLINE: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use ca_issuance::world::SystemClock;
    use futures_util::future::join3;
    use sea_orm::ConnectionTrait;

    use super::*;
    use crate::connect;
    use crate::transaction::Transaction;

    /// A change that notes a number, or stumbles afterwards.
    struct Note<const SWIFT: bool> {
        number: i64,
        stumbles: bool,
    }

    impl<const SWIFT: bool> Change for Note<SWIFT> {
        type Outcome = ();

        const SWIFT: bool = SWIFT;

        async fn apply(&self, transaction: &Transaction) -> Result<(), Error> {
            let sql = "INSERT INTO note VALUES ($1)";
            transaction.run(sql, [self.number.into()]).await?;
            assert!(!self.stumbles, "as the test wants it");
            Ok(())
        }
    }

    async fn stumble<const SWIFT: bool>() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("ca.db").display());
        let options = Options::new(Arc::new(SystemClock));
        let connections = connect::open(&url, &options).await.unwrap();
        let table = "CREATE TABLE note (number bigint)";
        connections
            .writes
            .pool
            .execute_unprepared(table)
            .await
            .unwrap();
        let (queue, _ends) = start(&connections.writes, 1, None, &options).unwrap();
        let note = |number, stumbles| queue.write(Note::<SWIFT> { number, stumbles });

        let outcomes = join3(note(1, false), note(2, true), note(3, false)).await;
        let afterwards = note(4, false).await;

        assert!(matches!(outcomes, (Ok(()), Err(Error::Panicked), Ok(()))));
        assert!(afterwards.is_ok());
        let local = connections.checkpoints.unwrap();
        let sql = "SELECT number FROM note ORDER BY number";
        let noted = local.try_query(sql, &[]).unwrap().unwrap();
        assert_eq!(noted, [1_i64, 3, 4].map(|number| vec![number.into()]));
    }

    #[tokio::test]
    async fn a_change_that_panics_fails_alone() {
        stumble::<true>().await;
    }

    #[tokio::test]
    async fn a_change_that_panics_in_the_pool_fails_alone() {
        stumble::<false>().await;
    }
}
