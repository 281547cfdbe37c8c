//! External account keys.
//!
//! MAC keys are kept as they are, since HMAC needs them in the clear: whoever reads the database
//! can bind accounts. The guide says so, and the database file is its owner's alone.

use std::sync::Arc;

use ca_acme::external_account::{ExternalAccountKey, KeyList, KeyQuery};
use ca_identity::Principal;
use ca_issuance::audit::Event;
use ca_pki::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Condition, Expr, ExprTrait, LockType};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use secrecy::{ExposeSecret, SecretSlice};

use crate::change::Change;
use crate::entity::external_account::{ActiveModel, Column, Entity, Model};
use crate::row::{self, moment};
use crate::transaction::Transaction;
use crate::{Error, audit, principal};

/// Stores a new key.
pub(crate) struct Add {
    pub(crate) key: ExternalAccountKey,
    pub(crate) event: Event,
}

/// Revokes a key.
pub(crate) struct Revoke {
    pub(crate) kid: String,
    pub(crate) event: Event,
}

/// Whether a key may bind an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    /// It may; its use is noted, and the account acts for whom the key was minted.
    Bound(Option<Arc<Principal>>),
    /// It is unknown, revoked, expired, used up or of another directory.
    Refused,
}

impl Change for Add {
    type Outcome = ();

    async fn apply(&self, transaction: &Transaction) -> Result<(), Error> {
        row::insert(transaction, Model::try_from(&self.key)?).await?;
        audit::record(transaction, &self.event).await
    }
}

impl Change for Revoke {
    type Outcome = bool;

    async fn apply(&self, transaction: &Transaction) -> Result<bool, Error> {
        let changes = ActiveModel {
            revoked_at: Set(Some(self.event.at.unix_secs())),
            ..ActiveModel::default()
        };
        let revoked = Entity::update_many()
            .set(changes)
            .filter(Column::Kid.eq(&self.kid))
            .filter(Column::RevokedAt.is_null())
            .exec(transaction)
            .await?;
        if revoked.rows_affected == 0 {
            return Ok(false);
        }
        audit::record(transaction, &self.event).await?;
        Ok(true)
    }
}

/// Checks a key for one more binding and notes its use. The row stays locked until the
/// transaction ends, so that a key for single use binds one account however many ask.
pub(crate) async fn bind(
    transaction: &Transaction,
    kid: &str,
    directory: &str,
    now: Timestamp,
) -> Result<Binding, Error> {
    let row = Entity::find_by_id(kid)
        .lock(LockType::NoKeyUpdate)
        .one(transaction)
        .await?;
    let key = row.map(ExternalAccountKey::try_from).transpose()?;
    let Some(key) = key.filter(|key| key.may_bind(directory, now)) else {
        return Ok(Binding::Refused);
    };
    if key.used_at.is_none() {
        let changes = ActiveModel {
            used_at: Set(Some(now.unix_secs())),
            ..ActiveModel::default()
        };
        Entity::update_many()
            .set(changes)
            .filter(Column::Kid.eq(kid))
            .exec(transaction)
            .await?;
    }
    Ok(Binding::Bound(key.principal))
}

/// Reads a key.
pub(crate) async fn by_kid<C: ConnectionTrait>(
    database: &C,
    kid: &str,
) -> Result<Option<ExternalAccountKey>, Error> {
    if !row::can_hold(kid) {
        return Ok(None);
    }
    let row = Entity::find_by_id(kid).one(database).await?;
    row.map(ExternalAccountKey::try_from).transpose()
}

/// Reads a page of keys, newest first.
pub(crate) async fn page<C: ConnectionTrait>(
    database: &C,
    query: &KeyQuery,
) -> Result<KeyList, Error> {
    let cursor = query.cursor.as_ref();
    let mut texts = query.owner.iter().chain(cursor.map(|place| &place.id));
    if !texts.all(|text| row::can_hold(text)) {
        return Ok(KeyList::cut(Vec::new(), query.limit));
    }
    let older = cursor.map(|place| {
        let row = Expr::tuple([Expr::col(Column::CreatedAt), Expr::col(Column::Kid)]);
        row.lt(Expr::tuple([
            Expr::val(place.created_at.unix_secs()),
            Expr::val(place.id.as_str()),
        ]))
    });
    let owner = query.owner.as_ref().map(|name| Column::Owner.eq(name));
    let rows = Entity::find()
        .filter(Condition::all().add_option(owner).add_option(older))
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Kid)
        // One more than asked for tells whether there is another page.
        .limit(u64::from(query.limit) + 1)
        .all(database)
        .await?;
    let keys = rows.into_iter().map(ExternalAccountKey::try_from);
    Ok(KeyList::cut(keys.collect::<Result<_, _>>()?, query.limit))
}

impl TryFrom<Model> for ExternalAccountKey {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(Self {
            kid: row.kid,
            mac_key: SecretSlice::from(row.mac_key),
            directory: row.directory,
            comment: row.comment,
            principal: principal::from_row("external_account_key.principal", row.principal)?,
            single_use: row.single_use,
            expires_at: moment(row.expires_at),
            revoked_at: moment(row.revoked_at),
            used_at: moment(row.used_at),
            created_at: Timestamp::from_unix_secs(row.created_at),
        })
    }
}

impl TryFrom<&ExternalAccountKey> for Model {
    type Error = Error;

    fn try_from(key: &ExternalAccountKey) -> Result<Self, Error> {
        Ok(Self {
            kid: key.kid.clone(),
            mac_key: key.mac_key.expose_secret().to_vec(),
            directory: key.directory.clone(),
            comment: key.comment.clone(),
            single_use: key.single_use,
            expires_at: key.expires_at.map(Timestamp::unix_secs),
            revoked_at: key.revoked_at.map(Timestamp::unix_secs),
            used_at: key.used_at.map(Timestamp::unix_secs),
            principal: principal::to_row(key.principal.as_deref())?,
            owner: key.principal.as_deref().map(Principal::name),
            created_at: key.created_at.unix_secs(),
        })
    }
}
