//! CRLs, and what each issuer counts.

use ca_issuance::audit::Event;
use ca_issuance::ledger::PublishedCrl;
use ca_pki::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, EntityTrait};

use crate::change::Change;
use crate::entity::crl::{ActiveModel, Column, Entity, Model};
use crate::entity::issuer_counter;
use crate::row::{counter, signed};
use crate::{Error, audit};

/// Draws the next number.
pub(crate) struct DrawNumber {
    pub(crate) issuer: String,
}

/// Stores a CRL as the current one.
pub(crate) struct Publish {
    pub(crate) issuer: String,
    pub(crate) crl: PublishedCrl,
    pub(crate) event: Event,
}

impl Change for DrawNumber {
    type Outcome = u64;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<u64, Error> {
        increment(transaction, &self.issuer, issuer_counter::Column::CrlNumber).await
    }
}

impl Change for Publish {
    type Outcome = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let crl = &self.crl;
        let row = ActiveModel {
            issuer: Set(self.issuer.clone()),
            number: Set(signed("crl.number", crl.number)?),
            this_update: Set(crl.this_update.unix_secs()),
            next_update: Set(crl.next_update.unix_secs()),
            revocation_epoch: Set(signed("crl.revocation_epoch", crl.revocation_epoch)?),
            der: Set(crl.der.to_vec()),
        };
        let newer = OnConflict::column(Column::Issuer)
            .update_columns([
                Column::Number,
                Column::ThisUpdate,
                Column::NextUpdate,
                Column::RevocationEpoch,
                Column::Der,
            ])
            .action_and_where(
                Expr::col((Entity, Column::Number)).lt(signed("crl.number", crl.number)?),
            )
            .to_owned();
        let stored = Entity::insert(row)
            .on_conflict(newer)
            .exec_without_returning(transaction)
            .await?;
        if stored == 0 {
            return Err(Error::Conflict);
        }
        audit::record(transaction, &self.event).await
    }
}

/// Reads the current CRL.
pub(crate) async fn current(
    database: &DatabaseConnection,
    issuer: &str,
) -> Result<Option<PublishedCrl>, Error> {
    let row = Entity::find_by_id(issuer).one(database).await?;
    row.map(PublishedCrl::try_from).transpose()
}

/// Notes that the issuer's current CRL is out of date.
pub(crate) async fn bump_epoch(
    transaction: &DatabaseTransaction,
    issuer: &str,
) -> Result<(), Error> {
    let epoch = issuer_counter::Column::RevocationEpoch;
    increment(transaction, issuer, epoch).await.map(drop)
}

async fn increment(
    transaction: &DatabaseTransaction,
    issuer: &str,
    which: issuer_counter::Column,
) -> Result<u64, Error> {
    let first = |column: issuer_counter::Column| i64::from(column.to_string() == which.to_string());
    let next = Expr::col((issuer_counter::Entity, which)).add(1);
    let statement = Query::insert()
        .into_table(issuer_counter::Entity)
        .columns([
            issuer_counter::Column::Issuer,
            issuer_counter::Column::RevocationEpoch,
            issuer_counter::Column::CrlNumber,
        ])
        .values_panic([
            issuer.into(),
            first(issuer_counter::Column::RevocationEpoch).into(),
            first(issuer_counter::Column::CrlNumber).into(),
        ])
        .on_conflict(
            OnConflict::column(issuer_counter::Column::Issuer)
                .value(which, next)
                .to_owned(),
        )
        .returning_col(which)
        .take();
    let row = transaction.query_one(&statement).await?;
    let row = row.ok_or_else(|| Error::Corrupt("a counter did not answer".to_owned()))?;
    counter("issuer_counter", row.try_get_by_index(0)?)
}

impl TryFrom<Model> for PublishedCrl {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(Self {
            number: counter("crl.number", row.number)?,
            this_update: Timestamp::from_unix_secs(row.this_update),
            next_update: Timestamp::from_unix_secs(row.next_update),
            revocation_epoch: counter("crl.revocation_epoch", row.revocation_epoch)?,
            der: row.der.into(),
        })
    }
}
