//! CRLs, and what each issuer counts.

use ca_issuance::audit::Event;
use ca_issuance::lease::Fence;
use ca_issuance::ledger::PublishedCrl;
use ca_pki::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{EntityTrait, QuerySelect};

use crate::change::Change;
use crate::entity::crl::{ActiveModel, Column, Entity, Model};
use crate::entity::issuer_counter::{self, Column as CounterColumn};
use crate::pool::Pool;
use crate::row::{counter, signed};
use crate::transaction::Transaction;
use crate::{Error, audit, lease};

/// Draws the next number.
pub(crate) struct DrawNumber {
    pub(crate) issuer: String,
}

/// Stores a CRL as the current one.
pub(crate) struct Publish {
    pub(crate) issuer: String,
    pub(crate) crl: PublishedCrl,
    pub(crate) fence: Fence,
    pub(crate) event: Event,
}

impl Change for DrawNumber {
    type Outcome = u64;

    async fn apply(&self, transaction: &Transaction) -> Result<u64, Error> {
        increment(transaction, &self.issuer, Count::CrlNumbers).await
    }
}

impl Change for Publish {
    type Outcome = ();

    async fn apply(&self, transaction: &Transaction) -> Result<(), Error> {
        lease::require(transaction, &self.fence.work, self.fence.number).await?;
        let crl = &self.crl;
        let row = ActiveModel {
            issuer: Set(self.issuer.clone()),
            number: Set(signed("crl.number", crl.number)?),
            this_update: Set(crl.this_update.unix_secs()),
            next_update: Set(crl.next_update.unix_secs()),
            revocation_epoch: Set(signed("crl.revocation_epoch", crl.revocation_epoch)?),
            der: Set(Vec::new()),
            first_revocation: Set(Some(signed("crl.first_revocation", crl.first_revocation)?)),
            ended_before: Set(Some(crl.ended_before.unix_secs())),
            signature: Set(Some(crl.signature.clone())),
        };
        let newer = OnConflict::column(Column::Issuer)
            .update_columns([
                Column::Number,
                Column::ThisUpdate,
                Column::NextUpdate,
                Column::RevocationEpoch,
                Column::Der,
                Column::FirstRevocation,
                Column::EndedBefore,
                Column::Signature,
            ])
            .action_and_where(
                Expr::col((Entity, Column::Number))
                    .lt(signed("crl.number", crl.number)?)
                    .and(
                        Expr::col((Entity, Column::RevocationEpoch))
                            .lte(signed("crl.revocation_epoch", crl.revocation_epoch)?),
                    ),
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

/// Reads the current CRL. One of the release before, which does not say what it is made of, is
/// none.
pub(crate) async fn current(database: &Pool, issuer: &str) -> Result<Option<PublishedCrl>, Error> {
    let row = Entity::find_by_id(issuer).one(database).await?;
    row.filter(|row| row.signature.is_some())
        .map(PublishedCrl::try_from)
        .transpose()
}

/// Reads the number of the current CRL, not the list itself.
pub(crate) async fn current_number(database: &Pool, issuer: &str) -> Result<Option<u64>, Error> {
    let number: Option<i64> = Entity::find_by_id(issuer)
        .select_only()
        .column(Column::Number)
        .into_tuple()
        .one(database)
        .await?;
    number
        .map(|number| counter("crl.number", number))
        .transpose()
}

/// Notes that the issuer's current CRL is out of date; returns the revocation's number.
///
/// The row waits for the commit, so numbers become visible in their order.
pub(crate) async fn bump_epoch(transaction: &Transaction, issuer: &str) -> Result<i64, Error> {
    let number = increment(transaction, issuer, Count::Revocations).await?;
    signed("issuer_counter.revocation_epoch", number)
}

/// What an issuer counts.
#[derive(Clone, Copy)]
enum Count {
    Revocations,
    CrlNumbers,
}

/// Adds one and returns the new value; the row waits for the commit, so no value comes twice.
async fn increment(transaction: &Transaction, issuer: &str, count: Count) -> Result<u64, Error> {
    let (column, revocation_epoch, crl_number) = match count {
        Count::Revocations => (CounterColumn::RevocationEpoch, 1, 0),
        Count::CrlNumbers => (CounterColumn::CrlNumber, 0, 1),
    };
    let first = issuer_counter::ActiveModel {
        issuer: Set(issuer.to_owned()),
        revocation_epoch: Set(revocation_epoch),
        crl_number: Set(crl_number),
    };
    let next = Expr::col((issuer_counter::Entity, column)).add(1);
    let counted = OnConflict::column(CounterColumn::Issuer)
        .value(column, next)
        .to_owned();
    let row = issuer_counter::Entity::insert(first)
        .on_conflict(counted)
        .exec_with_returning(transaction)
        .await?;
    let value = match count {
        Count::Revocations => row.revocation_epoch,
        Count::CrlNumbers => row.crl_number,
    };
    counter("issuer_counter", value)
}

impl TryFrom<Model> for PublishedCrl {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(Self {
            number: counter("crl.number", row.number)?,
            this_update: Timestamp::from_unix_secs(row.this_update),
            next_update: Timestamp::from_unix_secs(row.next_update),
            revocation_epoch: counter("crl.revocation_epoch", row.revocation_epoch)?,
            first_revocation: counter("crl.first_revocation", row.first_revocation.unwrap_or(0))?,
            ended_before: Timestamp::from_unix_secs(row.ended_before.unwrap_or(0)),
            signature: row.signature.unwrap_or_default(),
        })
    }
}
