//! Operator tokens.

use ca_identity::operator::OperatorToken;
use ca_identity::store::SecretHash;
use ca_issuance::audit::Event;
use ca_pki::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::change::Change;
use crate::client::role;
use crate::entity::operator_token::{ActiveModel, Column, Entity, Model};
use crate::row::{self, moment, octets};
use crate::transaction::Transaction;
use crate::{Error, audit};

/// Stores a new token.
pub(crate) struct Add {
    pub(crate) token: OperatorToken,
    pub(crate) event: Event,
}

/// Revokes a token.
pub(crate) struct Revoke {
    pub(crate) id: String,
    pub(crate) event: Event,
}

impl Change for Add {
    type Outcome = ();

    async fn apply(&self, transaction: &Transaction) -> Result<(), Error> {
        row::insert(transaction, Model::from(&self.token)).await?;
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
            .filter(Column::Id.eq(&self.id))
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

/// Finds a token by its hash.
pub(crate) async fn by_hash<C: ConnectionTrait>(
    database: &C,
    hash: &SecretHash,
) -> Result<Option<OperatorToken>, Error> {
    let row = Entity::find()
        .filter(Column::Hash.eq(hash.to_vec()))
        .one(database)
        .await?;
    row.map(OperatorToken::try_from).transpose()
}

/// Lists every token, newest first.
pub(crate) async fn all<C: ConnectionTrait>(database: &C) -> Result<Vec<OperatorToken>, Error> {
    let rows = Entity::find()
        .order_by_desc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .all(database)
        .await?;
    rows.into_iter().map(OperatorToken::try_from).collect()
}

impl TryFrom<Model> for OperatorToken {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(Self {
            hash: octets("operator_token.hash", &row.hash)?,
            role: role("operator_token.role", &row.role)?,
            id: row.id,
            name: row.name,
            created_at: Timestamp::from_unix_secs(row.created_at),
            expires_at: moment(row.expires_at),
            revoked_at: moment(row.revoked_at),
        })
    }
}

impl From<&OperatorToken> for Model {
    fn from(token: &OperatorToken) -> Self {
        Self {
            id: token.id.clone(),
            hash: token.hash.to_vec(),
            name: token.name.clone(),
            role: token.role.name().to_owned(),
            created_at: token.created_at.unix_secs(),
            expires_at: token.expires_at.map(Timestamp::unix_secs),
            revoked_at: token.revoked_at.map(Timestamp::unix_secs),
        }
    }
}
