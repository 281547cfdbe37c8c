//! Leases on background work, with fencing numbers.

use std::time::Duration;

use ca_pki::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QuerySelect, Statement,
};

use crate::change::Change;
use crate::entity::lease::{ActiveModel, Column, Entity, Model};
use crate::row::{self, counter, signed};
use crate::transaction::Transaction;
use crate::{Error, Store};

/// Takes or renews a lease.
pub(crate) struct Claim {
    pub(crate) work: String,
    pub(crate) holder: String,
    pub(crate) moment: Timestamp,
    pub(crate) span: Duration,
}

impl Change for Claim {
    type Outcome = Option<u64>;

    const SWIFT: bool = true;

    async fn apply(&self, transaction: &Transaction) -> Result<Option<u64>, Error> {
        let Some(lease) = transaction.one(Entity::find_by_id(&self.work)).await? else {
            return self.take_first(transaction).await;
        };
        if !self.may_take(&lease) {
            return Ok(None);
        }
        // Whoever writes under the lease has the row until its commit. Waiting for that would hold
        // up everything else in this group; the lease passes to nobody meanwhile.
        let lease = unless_locked(transaction, &self.work).await?;
        let Some(lease) = lease.filter(|lease| self.may_take(lease)) else {
            return Ok(None);
        };
        // The number tells apart holders, so that one that comes back late is refused.
        let fencing = match lease.holder == self.holder {
            true => lease.fencing,
            false => lease.fencing + 1,
        };
        let changes = ActiveModel {
            holder: Set(self.holder.clone()),
            fencing: Set(fencing),
            expires_at: Set(self.end()),
            ..ActiveModel::default()
        };
        let renewed = Entity::update_many()
            .set(changes)
            .filter(Column::Work.eq(&self.work));
        transaction.run_built(renewed).await?;
        counter("lease.fencing", fencing).map(Some)
    }
}

impl Claim {
    async fn take_first(&self, transaction: &Transaction) -> Result<Option<u64>, Error> {
        let row = Model {
            work: self.work.clone(),
            holder: self.holder.clone(),
            fencing: 1,
            expires_at: self.end(),
        };
        row::insert(transaction, row).await?;
        Ok(Some(1))
    }

    fn may_take(&self, lease: &Model) -> bool {
        let has_ended = lease.expires_at <= self.moment.unix_secs();
        lease.holder == self.holder || has_ended || self.cannot_have(lease)
    }

    /// Tells a lease that no clock near this one gave. Its holder's clock was ahead when it took it,
    /// or everybody's was: nobody waits years for it to end. Whoever still works under it is kept
    /// from writing by the fencing number.
    fn cannot_have(&self, lease: &Model) -> bool {
        lease.expires_at > self.moment.plus(LONGEST_SPAN).unix_secs()
    }

    fn end(&self) -> i64 {
        self.moment.plus(self.span).unix_secs()
    }
}

/// Ends a lease before its time.
pub(crate) struct GiveBack {
    pub(crate) work: String,
    pub(crate) holder: String,
}

impl Change for GiveBack {
    type Outcome = ();

    /// Unlike a claim it waits for whoever writes under the lease: its holder does no more of that
    /// work, and whoever follows would wait longer for the lease to end by itself.
    async fn apply(&self, transaction: &Transaction) -> Result<(), Error> {
        let ended = ActiveModel {
            expires_at: Set(0),
            ..ActiveModel::default()
        };
        let held = Entity::update_many()
            .set(ended)
            .filter(Column::Work.eq(&self.work))
            .filter(Column::Holder.eq(&self.holder));
        held.exec(transaction).await?;
        Ok(())
    }
}

/// Refuses work under a lease that has passed to somebody else, and keeps it from passing until
/// the transaction ends.
pub(crate) async fn require(
    transaction: &Transaction,
    work: &str,
    fencing: u64,
) -> Result<(), Error> {
    let lease = lock(transaction, work).await?;
    let fencing = signed("lease.fencing", fencing)?;
    match lease {
        Some(lease) if lease.fencing == fencing => Ok(()),
        Some(_) | None => Err(Error::Conflict),
    }
}

/// Ends every lease. For whoever has the database to itself: the holders before are gone.
pub(crate) struct EndAll;

impl Change for EndAll {
    type Outcome = ();

    async fn apply(&self, transaction: &Transaction) -> Result<(), Error> {
        let ended = ActiveModel {
            expires_at: Set(0),
            ..ActiveModel::default()
        };
        Entity::update_many().set(ended).exec(transaction).await?;
        Ok(())
    }
}

/// Reads the clock that all servers share: the database's. A file's only server is its own.
pub(crate) async fn shared_moment(store: &Store) -> Result<Timestamp, Error> {
    if store.reads().get_database_backend() != DbBackend::Postgres {
        return Ok(store.now());
    }
    let now = Statement::from_string(DbBackend::Postgres, DATABASE_CLOCK);
    let row = store.reads().query_one_raw(now).await?;
    let row = row.ok_or_else(|| Error::Corrupt("the database tells no time".to_owned()))?;
    Ok(Timestamp::from_unix_secs(row.try_get_by_index(0)?))
}

async fn unless_locked(transaction: &Transaction, work: &str) -> Result<Option<Model>, Error> {
    let row = Entity::find_by_id(work)
        .lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked);
    transaction.one(row).await
}

async fn lock(transaction: &Transaction, work: &str) -> Result<Option<Model>, Error> {
    let row = Entity::find_by_id(work).lock(LockType::NoKeyUpdate);
    transaction.one(row).await
}

const DATABASE_CLOCK: &str = "SELECT floor(extract(epoch FROM clock_timestamp()))::bigint";

/// Far longer than anybody takes a lease for, and than the clocks of two servers are apart.
const LONGEST_SPAN: Duration = Duration::from_secs(3_600);
