//! Leases on background work, with fencing numbers.

use std::time::Duration;

use ca_pki::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};

use crate::Error;
use crate::change::Change;
use crate::entity::lease::{ActiveModel, Column, Entity, Model};
use crate::row::{self, counter, signed};

/// Takes or renews a lease.
pub(crate) struct Claim {
    pub(crate) work: String,
    pub(crate) holder: String,
    pub(crate) moment: Timestamp,
    pub(crate) span: Duration,
}

impl Change for Claim {
    type Outcome = Option<u64>;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Option<u64>, Error> {
        let Some(lease) = lock(transaction, &self.work).await? else {
            return self.take_first(transaction).await;
        };
        let held = lease.expires_at > self.moment.unix_secs();
        if lease.holder != self.holder && held {
            return Ok(None);
        }
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
        Entity::update_many()
            .set(changes)
            .filter(Column::Work.eq(&self.work))
            .exec(transaction)
            .await?;
        counter("lease.fencing", fencing).map(Some)
    }
}

impl Claim {
    async fn take_first(&self, transaction: &DatabaseTransaction) -> Result<Option<u64>, Error> {
        let row = Model {
            work: self.work.clone(),
            holder: self.holder.clone(),
            fencing: 1,
            expires_at: self.end(),
        };
        row::insert(transaction, row).await?;
        Ok(Some(1))
    }

    fn end(&self) -> i64 {
        self.moment.plus(self.span).unix_secs()
    }
}

/// Refuses work under a lease that has passed to somebody else, and keeps it from passing until
/// the transaction ends.
pub(crate) async fn require(
    transaction: &DatabaseTransaction,
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

async fn lock(transaction: &DatabaseTransaction, work: &str) -> Result<Option<Model>, Error> {
    let row = Entity::find_by_id(work)
        .lock(LockType::NoKeyUpdate)
        .one(transaction)
        .await?;
    Ok(row)
}
