//! Grants made over the API.

use ca_identity::grant::Grant;
use ca_issuance::audit::Event;
use ca_pki::Timestamp;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
};

use crate::change::Change;
use crate::entity::api_grant::{Column, Entity, Model};
use crate::{Error, audit, grant_use, row};

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

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
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
        audit::record(transaction, &self.event).await
    }
}

impl Change for Remove {
    type Outcome = bool;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<bool, Error> {
        let removed = Entity::delete_by_id(&self.name).exec(transaction).await?;
        if removed.rows_affected == 0 {
            return Ok(false);
        }
        audit::record(transaction, &self.event).await?;
        Ok(true)
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

fn to_row(grant: &Grant) -> Result<Model, Error> {
    let text = format!("grant {:?} cannot be written yet", grant.name);
    Err(Error::Corrupt(text))
}

fn from_row(row: Model) -> Result<Grant, Error> {
    let text = format!("grant {:?} cannot be read yet", row.name);
    Err(Error::Corrupt(text))
}
