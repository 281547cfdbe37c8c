//! Clients with a secret of their own.

use std::time::Duration;

use ca_identity::Role;
use ca_identity::client::Client;
use ca_issuance::audit::Event;
use ca_pki::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::LockType;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::change::Change;
use crate::entity::client::{ActiveModel, Column, Entity, Model};
use crate::row::{self, moment};
use crate::transaction::Transaction;
use crate::{Error, audit, session};

/// Adds a client.
pub(crate) struct Add {
    pub(crate) client: Client,
    pub(crate) event: Event,
}

/// Removes a client and ends its sessions.
pub(crate) struct Remove {
    pub(crate) id: String,
    pub(crate) event: Event,
}

impl Change for Add {
    type Outcome = ();

    async fn apply(&self, transaction: &Transaction) -> Result<(), Error> {
        row::insert(transaction, Model::from(&self.client)).await?;
        audit::record(transaction, &self.event).await
    }
}

impl Change for Remove {
    type Outcome = bool;

    async fn apply(&self, transaction: &Transaction) -> Result<bool, Error> {
        // Waits for logins under way, so that their sessions are seen below.
        let removed = Entity::delete_by_id(&self.id).exec(transaction).await?;
        if removed.rows_affected == 0 {
            return Ok(false);
        }
        session::end_all_of(transaction, &self.id, self.event.at).await?;
        audit::record(transaction, &self.event).await?;
        Ok(true)
    }
}

/// Notes that a client logs in, and keeps it from being removed until the transaction ends;
/// `Conflict` if it is gone.
pub(crate) async fn note_login(
    transaction: &Transaction,
    id: &str,
    at: Timestamp,
) -> Result<(), Error> {
    let held: Option<String> = Entity::find_by_id(id)
        .select_only()
        .column(Column::Id)
        // Not against each other: logins of one client must not queue.
        .lock(LockType::KeyShare)
        .into_tuple()
        .one(transaction)
        .await?;
    if held.is_none() {
        return Err(Error::Conflict);
    }
    let used = ActiveModel {
        last_used_at: Set(Some(at.unix_secs())),
        ..ActiveModel::default()
    };
    let earlier = at.minus(NOTED_EVERY).unix_secs();
    let is_news = Condition::any()
        .add(Column::LastUsedAt.is_null())
        .add(Column::LastUsedAt.lte(earlier));
    Entity::update_many()
        .set(used)
        .filter(Column::Id.eq(id))
        .filter(is_news)
        .exec(transaction)
        .await?;
    Ok(())
}

/// Reads a client.
pub(crate) async fn by_id<C: ConnectionTrait>(
    database: &C,
    id: &str,
) -> Result<Option<Client>, Error> {
    if !row::can_hold(id) {
        return Ok(None);
    }
    let row = Entity::find_by_id(id).one(database).await?;
    row.map(Client::try_from).transpose()
}

/// Lists every client, by id.
pub(crate) async fn all<C: ConnectionTrait>(database: &C) -> Result<Vec<Client>, Error> {
    let rows = Entity::find()
        .order_by_asc(Column::Id)
        .all(database)
        .await?;
    rows.into_iter().map(Client::try_from).collect()
}

/// Reads the name of a role.
pub(crate) fn role(what: &str, name: &str) -> Result<Role, Error> {
    Role::parse(name).ok_or_else(|| Error::Corrupt(format!("{what} is {name:?}")))
}

impl TryFrom<Model> for Client {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let role = row.role.as_deref().map(|name| role("client.role", name));
        Ok(Self {
            role: role.transpose()?,
            id: row.id,
            secret_hash: row.secret_hash,
            comment: row.comment,
            created_at: Timestamp::from_unix_secs(row.created_at),
            last_used_at: moment(row.last_used_at),
        })
    }
}

impl From<&Client> for Model {
    fn from(client: &Client) -> Self {
        Self {
            id: client.id.clone(),
            secret_hash: client.secret_hash.clone(),
            role: client.role.map(|role| role.name().to_owned()),
            comment: client.comment.clone(),
            created_at: client.created_at.unix_secs(),
            last_used_at: client.last_used_at.map(Timestamp::unix_secs),
        }
    }
}

const NOTED_EVERY: Duration = Duration::from_secs(60);
