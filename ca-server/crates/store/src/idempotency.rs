//! Idempotency keys: taken with the intent, free again when its serial is burned.

use ca_issuance::entitlement::Idempotency;
use ca_issuance::ledger::{EarlierRequest, Intent};
use ca_pki::{Serial, Timestamp};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::entity::idempotency_key::{Column, Entity, Model};
use crate::pool::Pool;
use crate::row::{octets, serial as serial_from};
use crate::transaction::Transaction;
use crate::{Error, row};

/// Takes the key of a request for its intent, or says that it is taken.
pub(crate) async fn take(
    transaction: &Transaction,
    asked: &Idempotency,
    intent: &Intent,
) -> Result<(), Error> {
    let moment = intent.recorded_at;
    let id = (asked.actor.clone(), asked.key.clone());
    if let Some(taken) = transaction.one(Entity::find_by_id(id.clone())).await? {
        if moment.unix_secs() < taken.expires_at {
            return Err(Error::Duplicate);
        }
        transaction.run_built(Entity::delete_by_id(id)).await?;
    }
    // Of two that come at once, one finds the other's row when it runs again.
    let taken = Model {
        actor: asked.actor.clone(),
        key: asked.key.clone(),
        request_hash: asked.request_hash.to_vec(),
        issuer: intent.issuer.clone(),
        serial: intent.serial.as_be_bytes().to_vec(),
        expires_at: moment.plus(Idempotency::KEPT).unix_secs(),
    };
    row::insert(transaction, taken).await
}

/// Frees the key that was taken for this serial, if there is one.
pub(crate) async fn free(
    transaction: &Transaction,
    (issuer, serial): (&str, &Serial),
) -> Result<(), Error> {
    Entity::delete_many()
        .filter(Column::Serial.eq(serial.as_be_bytes().to_vec()))
        .filter(Column::Issuer.eq(issuer))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Finds what a key was taken for, if it still is at `moment`.
pub(crate) async fn find(
    database: &Pool,
    (actor, key): (&str, &str),
    moment: Timestamp,
) -> Result<Option<EarlierRequest>, Error> {
    if !row::can_hold(key) || !row::can_hold(actor) {
        return Ok(None);
    }
    let taken = Entity::find_by_id((actor.to_owned(), key.to_owned()))
        .filter(Column::ExpiresAt.gt(moment.unix_secs()))
        .one(database)
        .await?;
    taken.map(EarlierRequest::try_from).transpose()
}

impl TryFrom<Model> for EarlierRequest {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(Self {
            request_hash: octets("idempotency_key.request_hash", &row.request_hash)?,
            issuer: row.issuer,
            serial: serial_from(&row.serial)?,
        })
    }
}
