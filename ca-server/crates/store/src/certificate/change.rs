//! What moves a certificate: intended, then valid or burned, then perhaps revoked.

use ca_issuance::audit::Event;
use ca_issuance::entitlement::GrantKept;
use ca_issuance::ledger::{Intent, RevokeOutcome};
use ca_pki::crl::RevocationReason;
use ca_pki::{Serial, Timestamp};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::Value;

use super::{BURNED, INTENDED, REVOKED, VALID, at_once, intended_row};
use crate::change::Change;
use crate::entity::certificate::{ActiveModel, Column, Entity};
use crate::pool::Pool;
use crate::transaction::{Others, Transaction};
use crate::{Error, audit, crl, grant, grant_use, idempotency, order, row};

/// Spends a serial.
pub(crate) struct RecordIntent {
    pub(crate) intent: Intent,
    pub(crate) event: Event,
}

/// Stores the signed certificate.
pub(crate) struct RecordResult {
    pub(crate) issuer: String,
    pub(crate) serial: Serial,
    pub(crate) der: Vec<u8>,
    pub(crate) event: Event,
}

/// Gives up an unfinished serial.
pub(crate) struct Burn {
    pub(crate) issuer: String,
    pub(crate) serial: Serial,
    pub(crate) event: Event,
}

/// Revokes a valid certificate.
pub(crate) struct Revoke {
    pub(crate) issuer: String,
    pub(crate) serial: Serial,
    pub(crate) reason: RevocationReason,
    pub(crate) event: Event,
}

impl Change for RecordIntent {
    type Outcome = ();

    const SWIFT: bool = true;

    async fn apply(&self, transaction: &Transaction) -> Result<(), Error> {
        let intent = &self.intent;
        if let Some(asked) = &intent.idempotency {
            idempotency::take(transaction, asked, intent).await?;
        }
        spend(transaction, intent).await?;
        if let Some((grant, terms)) = kept_here(intent) {
            grant::require(transaction, grant, terms, intent.recorded_at).await?;
        }
        // Late, for every user of the grant waits for this row until the commit.
        if let Some((grant, limit)) = limited(intent) {
            grant_use::take(transaction, grant, limit).await?;
        }
        audit::record(transaction, &self.event).await
    }
}

impl Change for RecordResult {
    type Outcome = ();

    const SWIFT: bool = true;

    async fn apply(&self, transaction: &Transaction) -> Result<(), Error> {
        match transaction.others() {
            Others::Wait => self.finish(transaction).await?,
            Others::Write => {
                at_once::finish(transaction, (&self.issuer, &self.serial), &self.der).await?;
            }
        }
        audit::record(transaction, &self.event).await
    }
}

impl RecordResult {
    async fn finish(&self, transaction: &Transaction) -> Result<(), Error> {
        let values = [
            self.der.clone().into(),
            self.issuer.as_str().into(),
            self.serial.as_be_bytes().to_vec().into(),
        ];
        let orders = transaction.texts(FINISH, values).await?;
        let order = orders.into_iter().next().ok_or(Error::Conflict)?;
        match order {
            Some(order) => order::finish(transaction, &order, &self.serial).await,
            None => Ok(()),
        }
    }
}

impl Change for Burn {
    type Outcome = ();

    async fn apply(&self, transaction: &Transaction) -> Result<(), Error> {
        let number = crl::bump_epoch(transaction, &self.issuer).await?;
        let changes = ActiveModel {
            state: Set(BURNED.to_owned()),
            revoked_at: Set(Some(self.event.at.unix_secs())),
            revocation_number: Set(Some(number)),
            tbs_der: Set(None),
            ..ActiveModel::default()
        };
        let key = (self.issuer.as_str(), &self.serial);
        move_from(transaction, INTENDED, key, changes).await?;
        give_back(transaction, key, self.event.at).await?;
        audit::record(transaction, &self.event).await
    }
}

impl Change for Revoke {
    type Outcome = ();

    /// `Conflict` unless the certificate is valid.
    async fn apply(&self, transaction: &Transaction) -> Result<(), Error> {
        let number = crl::bump_epoch(transaction, &self.issuer).await?;
        let changes = ActiveModel {
            state: Set(REVOKED.to_owned()),
            revoked_at: Set(Some(self.event.at.unix_secs())),
            revocation_reason: Set(Some(i16::from(self.reason.code()))),
            revocation_number: Set(Some(number)),
            ..ActiveModel::default()
        };
        let key = (self.issuer.as_str(), &self.serial);
        move_from(transaction, VALID, key, changes).await?;
        audit::record(transaction, &self.event).await
    }
}

/// Spends the serial, for its order if there is one.
async fn spend(transaction: &Transaction, intent: &Intent) -> Result<(), Error> {
    if let Some(order) = &intent.order {
        if transaction.others() == Others::Write {
            return at_once::spend(transaction, order, intent).await;
        }
        let certificate = (intent.issuer.as_str(), &intent.serial);
        order::begin_issuing(transaction, order, certificate, intent.recorded_at).await?;
    }
    row::insert(transaction, intended_row(intent)?).await
}

fn limited(intent: &Intent) -> Option<(&str, u64)> {
    let grant = intent.grant.as_ref()?;
    Some((&grant.name, grant.limit?))
}

fn kept_here(intent: &Intent) -> Option<(&str, &Value)> {
    let grant = intent.grant.as_ref()?;
    match &grant.kept {
        GrantKept::Configuration => None,
        GrantKept::Store { terms } => Some((&grant.name, terms)),
    }
}

/// Lets intents of an earlier grant of this name keep their uses if they are burned: giving one
/// back would give the later grant one more than its limit.
pub(crate) async fn keep_use(transaction: &Transaction, grant: &str) -> Result<(), Error> {
    let changes = ActiveModel {
        grant_counted: Set(false),
        ..ActiveModel::default()
    };
    Entity::update_many()
        .set(changes)
        // A literal, so that the partial index of unfinished intents serves.
        .filter(Expr::cust("state = 'intended'"))
        .filter(Column::GrantName.eq(grant))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Gives back what the intent of a burned serial took: order, use of the grant, idempotency key.
async fn give_back(
    transaction: &Transaction,
    key: (&str, &Serial),
    moment: Timestamp,
) -> Result<(), Error> {
    let taken: Option<(Option<String>, Option<String>, bool)> = find(key)
        .select_only()
        .columns([Column::OrderId, Column::GrantName, Column::GrantCounted])
        .into_tuple()
        .one(transaction)
        .await?;
    let (order, grant, is_counted) = taken.ok_or(Error::Conflict)?;
    if let Some(order) = order {
        order::resume(transaction, &order, key.1, moment).await?;
    }
    if let Some(grant) = grant.filter(|_| is_counted) {
        grant_use::give_back(transaction, &grant).await?;
    }
    idempotency::free(transaction, key).await
}

/// Tells why a certificate could not be revoked: what is revoked or burned stays so.
///
/// An intent counts as unknown: nobody holds a certificate yet, and if nobody ever will it is
/// burned.
pub(crate) async fn not_valid(
    database: &Pool,
    key: (&str, &Serial),
) -> Result<RevokeOutcome, Error> {
    let state: Option<String> = find(key)
        .select_only()
        .column(Column::State)
        .into_tuple()
        .one(database)
        .await?;
    Ok(match state.as_deref() {
        Some(REVOKED | BURNED) => RevokeOutcome::AlreadyRevoked,
        Some(_) | None => RevokeOutcome::Unknown,
    })
}

async fn move_from(
    transaction: &Transaction,
    state: &str,
    (issuer, serial): (&str, &Serial),
    changes: ActiveModel,
) -> Result<(), Error> {
    let moved = Entity::update_many()
        .set(changes)
        .filter(Column::Issuer.eq(issuer))
        .filter(Column::Serial.eq(serial.as_be_bytes().to_vec()))
        .filter(Column::State.eq(state));
    match transaction.run_built(moved).await? {
        0 => Err(Error::Conflict),
        _ => Ok(()),
    }
}

fn find((issuer, serial): (&str, &Serial)) -> sea_orm::Select<Entity> {
    Entity::find()
        .filter(Column::Issuer.eq(issuer))
        .filter(Column::Serial.eq(serial.as_be_bytes().to_vec()))
}

/// The certificate holds the bytes that were to be signed.
const FINISH: &str = "UPDATE certificate SET state = 'valid', der = $1, tbs_der = NULL \
     WHERE issuer = $2 AND serial = $3 AND state = 'intended' RETURNING order_id";
