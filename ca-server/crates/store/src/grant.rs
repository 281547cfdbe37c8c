//! Grants made over the API.

use ca_identity::grant::{Grant, GrantSpec, Origin};
use ca_issuance::audit::Event;
use ca_pki::Timestamp;
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;

use crate::change::Change;
use crate::entity::api_grant::{Column, Entity, Model};
use crate::row::{self, json, unjson};
use crate::transaction::Transaction;
use crate::{Error, audit, certificate, grant_use};

/// Adds a grant.
pub(crate) struct Add {
    pub(crate) grant: Grant,
    pub(crate) event: Event,
}

/// Removes a grant.
pub(crate) struct Remove {
    pub(crate) name: String,
    pub(crate) event: Event,
}

impl Change for Add {
    type Outcome = ();

    async fn apply(&self, transaction: &Transaction) -> Result<(), Error> {
        let name = &self.grant.name;
        // An ended one is kept until it is pruned, and holds no name.
        Entity::delete_many()
            .filter(Column::Name.eq(name))
            .filter(Column::ExpiresAt.lte(self.event.at.unix_secs()))
            .exec(transaction)
            .await?;
        row::insert(transaction, to_row(&self.grant)?).await?;
        // What was counted under this name was another grant.
        grant_use::forget(transaction, name).await?;
        certificate::keep_use(transaction, name).await?;
        audit::record(transaction, &self.event).await
    }
}

impl Change for Remove {
    type Outcome = bool;

    async fn apply(&self, transaction: &Transaction) -> Result<bool, Error> {
        let removed = Entity::delete_by_id(&self.name).exec(transaction).await?;
        if removed.rows_affected == 0 {
            return Ok(false);
        }
        audit::record(transaction, &self.event).await?;
        Ok(true)
    }
}

/// Refuses a grant that is not here any more with the terms that were judged, and keeps it from
/// being removed until the transaction ends: once a removal is answered, nothing issues by it.
pub(crate) async fn require(
    transaction: &Transaction,
    name: &str,
    judged_terms: &Value,
    moment: Timestamp,
) -> Result<(), Error> {
    let row = Entity::find_by_id(name)
        .filter(Column::ExpiresAt.gt(moment.unix_secs()))
        // Not against each other: uses of one grant must not queue.
        .lock(LockType::KeyShare);
    let row = transaction.one(row).await?;
    let row = row.ok_or(Error::GrantWithdrawn)?;
    let terms: Value = unjson("api_grant.terms", &row.terms)?;
    match terms == *judged_terms {
        true => Ok(()),
        false => Err(Error::GrantWithdrawn),
    }
}

/// Lists the grants that have not ended, by name.
pub(crate) async fn in_force<C: ConnectionTrait>(
    database: &C,
    moment: Timestamp,
) -> Result<Vec<Grant>, Error> {
    let rows = Entity::find()
        .filter(Column::ExpiresAt.gt(moment.unix_secs()))
        .order_by_asc(Column::Name)
        .all(database)
        .await?;
    rows.into_iter().map(from_row).collect()
}

/// The terms are kept as people write them; what they mean is told by `ca-identity` alone.
fn to_row(grant: &Grant) -> Result<Model, Error> {
    let name = grant.name.clone();
    let end = grant.expires_at.map(Timestamp::unix_secs);
    Ok(Model {
        terms: json(&GrantSpec::from(grant))?,
        expires_at: end.ok_or_else(|| Error::Corrupt(format!("grant {name:?} has no end")))?,
        name,
    })
}

fn from_row(row: Model) -> Result<Grant, Error> {
    let spec: GrantSpec = unjson("api_grant.terms", &row.terms)?;
    let compiled = spec.compile(Origin::Api);
    compiled.map_err(|faults| {
        let faults = faults.join("; ");
        Error::Corrupt(format!("grant {:?}: {faults}", row.name))
    })
}
