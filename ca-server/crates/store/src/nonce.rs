//! Redeemed nonces: each at most once in the whole cluster, restarts included.
//!
//! SQLite has one server: memory answers at once, and the row is written by the first group that
//! starts afterwards, hence before or with any change that the same request makes. PostgreSQL may
//! have many: the insert decides, and its commit is not flushed (`synchronous_commit = off`).
//! That is sound because the write-ahead log is flushed in order: a later, flushed commit of the
//! same request takes the nonce's row along, so a crash of the database can forget only nonces
//! of requests that changed nothing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ca_acme::NONCE_OUTLASTS;
use ca_pki::Timestamp;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement,
};
use tokio::sync::Notify;

use crate::Error;
use crate::entity::nonce::{Column, Entity};
use crate::pool::Pool;
use crate::read::GroupReader;
use crate::row::json;
use crate::transaction::Transaction;

/// A nonce that must be remembered until its end.
#[derive(Clone, Debug)]
pub(crate) struct RedeemedNonce {
    pub(crate) nonce: String,
    pub(crate) expires_at: Timestamp,
}

/// What one server remembers.
///
/// Nonces are kept as keyed 64-bit hashes: a good nonce is taken for a redeemed one once in
/// millions of years, and a client then asks for another.
pub(crate) struct Memory {
    hashing: RandomState,
    /// Where `Shard::forgotten_at` counts from, by the clock that nobody sets: were it the other
    /// one, a jump ahead and back would make redeemed nonces good again.
    begun: Instant,
    shards: Vec<Mutex<Shard>>,
    unsaved: Mutex<Vec<RedeemedNonce>>,
    wake: Notify,
}

#[derive(Default)]
struct Shard {
    /// In seconds.
    forgotten_at: HashMap<u64, u32>,
    /// A quarter more than were worth keeping at the last sweep, which bounds what is not.
    sweep_at: usize,
}

impl Memory {
    /// Reads what earlier runs of the server redeemed, some at a time: a busy hour's nonces as rows
    /// take ten times the memory that they are remembered in.
    pub(crate) async fn load(&self, database: &Pool, now: Timestamp) -> Result<(), Error> {
        let mut last = String::new();
        loop {
            let rows = Entity::find()
                .filter(Column::ExpiresAt.gte(now.minus(NONCE_OUTLASTS).unix_secs()))
                .filter(Column::Nonce.gt(last.as_str()))
                .order_by_asc(Column::Nonce)
                .limit(ROWS_AT_A_TIME)
                .all(database)
                .await?;
            for row in &rows {
                self.remember(&row.nonce, Timestamp::from_unix_secs(row.expires_at), now);
            }
            match rows.into_iter().next_back() {
                Some(row) => last = row.nonce,
                None => return Ok(()),
            }
        }
    }

    /// Redeems a nonce: `true` the first time.
    pub(crate) fn redeem(
        &self,
        nonce: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, Error> {
        if !self.remember(nonce, expires_at, now) {
            return Ok(false);
        }
        let mut unsaved = self.unsaved.lock().unwrap_or_else(PoisonError::into_inner);
        if unsaved.len() >= MAX_UNSAVED {
            drop(unsaved);
            self.forget(nonce);
            return Err(Error::QueueFull);
        }
        unsaved.push(RedeemedNonce {
            nonce: nonce.to_owned(),
            expires_at,
        });
        drop(unsaved);
        self.wake.notify_one();
        Ok(true)
    }

    /// Takes what is not in the database yet.
    pub(crate) fn take_unsaved(&self) -> Vec<RedeemedNonce> {
        std::mem::take(&mut *self.unsaved.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts back what could not be saved: the next group tries again.
    pub(crate) fn put_back(&self, nonces: Vec<RedeemedNonce>) {
        let mut unsaved = self.unsaved.lock().unwrap_or_else(PoisonError::into_inner);
        unsaved.extend(nonces);
    }

    /// Waits until nonces have lain unsaved for a while: lone ones share a commit.
    pub(crate) async fn overdue(&self) {
        self.wake.notified().await;
        tokio::time::sleep(LINGER).await;
    }

    fn remember(&self, nonce: &str, expires_at: Timestamp, now: Timestamp) -> bool {
        let hash = self.hashing.hash_one(nonce);
        let Some(shard) = self.shard(hash) else {
            return false;
        };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let moment = self.begun.elapsed();
        if shard.forgotten_at.len() >= shard.sweep_at {
            let secs = whole_secs(moment);
            shard.forgotten_at.retain(|_, end| *end >= secs);
            shard.sweep_at = (shard.forgotten_at.len() / 4 * 5).max(FIRST_SWEEP);
        }
        let span = expires_at.since(now).min(LONGEST) + NONCE_OUTLASTS;
        // A second more, for what is cut off on either side.
        let end = whole_secs(moment + span).saturating_add(1);
        shard.forgotten_at.insert(hash, end).is_none()
    }

    fn forget(&self, nonce: &str) {
        let hash = self.hashing.hash_one(nonce);
        if let Some(shard) = self.shard(hash) {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.forgotten_at.remove(&hash);
        }
    }

    fn shard(&self, hash: u64) -> Option<&Mutex<Shard>> {
        self.shards.get((hash >> 32) as usize % SHARDS)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            hashing: RandomState::new(),
            begun: Instant::now(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            unsaved: Mutex::default(),
            wake: Notify::new(),
        }
    }
}

fn whole_secs(span: Duration) -> u32 {
    u32::try_from(span.as_secs()).unwrap_or(u32::MAX)
}

/// Writes nonces into a group's transaction.
pub(crate) async fn save(transaction: &Transaction, nonces: &[RedeemedNonce]) -> Result<(), Error> {
    for row in nonces {
        let values = [row.nonce.as_str().into(), row.expires_at.unix_secs().into()];
        transaction.run(INSERT, values).await?;
    }
    Ok(())
}

/// Starts what redeems nonces where several servers share the database, many at once: `true` for
/// whoever is first.
pub(crate) fn start_redeeming(database: &Pool) -> GroupReader<RedeemedNonce, bool> {
    let database = database.clone();
    GroupReader::start(move |nonces: Vec<RedeemedNonce>| {
        let database = database.clone();
        async move { redeem_all(&database, &nonces).await }
    })
}

async fn redeem_all(database: &Pool, nonces: &[RedeemedNonce]) -> Result<Vec<bool>, Error> {
    // In order, so that two servers which are asked for the same do not wait for each other.
    let rows: BTreeMap<&str, i64> = nonces
        .iter()
        .map(|row| (row.nonce.as_str(), row.expires_at.unix_secs()))
        .collect();
    let rows: Vec<(&str, i64)> = rows.into_iter().collect();
    let insert = Statement::from_sql_and_values(
        database.get_database_backend(),
        INSERT_ALL,
        [json(&rows)?.into()],
    );
    let inserted = database.query_all_raw(insert).await?;
    let inserted = inserted.iter().map(|row| row.try_get_by_index(0));
    let mut inserted: HashSet<String> = inserted.collect::<Result<_, _>>()?;
    // Of those who ask for the same at once, the first gets it.
    Ok(nonces
        .iter()
        .map(|row| inserted.remove(&row.nonce))
        .collect())
}

const INSERT: &str = "INSERT INTO redeemed_nonce (nonce, expires_at) VALUES ($1, $2) \
     ON CONFLICT (nonce) DO NOTHING";

/// One text whatever their number, so that it is planned once.
const INSERT_ALL: &str = "INSERT INTO redeemed_nonce (nonce, expires_at) \
     SELECT redeemed ->> 0, (redeemed ->> 1)::bigint \
     FROM json_array_elements($1::json) AS redeemed \
     ON CONFLICT (nonce) DO NOTHING RETURNING nonce";

/// Longer than any nonce is good.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);
const SHARDS: usize = 16;
const FIRST_SWEEP: usize = 1_024;
const MAX_UNSAVED: usize = 20_000;
const ROWS_AT_A_TIME: u64 = 1_000;
const LINGER: Duration = Duration::from_millis(250);
