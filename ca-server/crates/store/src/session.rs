//! Sessions and the refresh tokens that belong to them.

use ca_identity::Principal;
use ca_identity::session::{RefreshToken, Rotation, Session};
use ca_identity::store::SecretHash;
use ca_issuance::audit::Event;
use ca_pki::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{LockType, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use crate::change::Change;
use crate::entity::refresh_token;
use crate::entity::session::{ActiveModel, Column, Entity, Model};
use crate::row::{self, json, moment, octets, unjson};
use crate::transaction::Transaction;
use crate::{Error, audit, client};

/// Opens a session, with its first refresh token if it gets one.
pub(crate) struct Open {
    pub(crate) session: Session,
    pub(crate) refresh: Option<RefreshToken>,
    pub(crate) event: Event,
}

/// Uses up a refresh token and stores the next.
pub(crate) struct Rotate {
    pub(crate) used: SecretHash,
    pub(crate) next: RefreshToken,
    pub(crate) event: Event,
    pub(crate) replayed: Event,
}

/// Ends a session.
pub(crate) struct Revoke {
    pub(crate) id: String,
    pub(crate) event: Event,
}

impl Change for Open {
    type Outcome = ();

    async fn apply(&self, transaction: &Transaction) -> Result<(), Error> {
        if let Some(id) = client_of(&self.session) {
            client::note_login(transaction, id, self.event.at).await?;
        }
        row::insert(transaction, Model::try_from(&self.session)?).await?;
        if let Some(token) = &self.refresh {
            if token.session != self.session.id {
                return Err(Error::Conflict);
            }
            row::insert(transaction, unused_row(token)).await?;
        }
        audit::record(transaction, &self.event).await
    }
}

impl Change for Rotate {
    type Outcome = Rotation;

    async fn apply(&self, transaction: &Transaction) -> Result<Rotation, Error> {
        // Held until the commit: of two that bring one token, the second finds it used.
        let token = refresh_token::Entity::find_by_id(self.used.to_vec())
            .lock(LockType::NoKeyUpdate)
            .one(transaction)
            .await?;
        let Some(token) = token else {
            return Ok(Rotation::Refused);
        };
        if token.session != self.next.session {
            return Err(Error::Conflict);
        }
        if token.used_at.is_some() {
            return self.end_family(transaction).await;
        }
        let at = self.event.at;
        if token.expires_at <= at.unix_secs() || !is_open(transaction, &token.session, at).await? {
            return Ok(Rotation::Refused);
        }
        self.replace(transaction).await?;
        audit::record(transaction, &self.event).await?;
        Ok(Rotation::Rotated)
    }
}

impl Rotate {
    /// Somebody else used the token: who of the two is the thief is not known.
    async fn end_family(&self, transaction: &Transaction) -> Result<Rotation, Error> {
        if !end(transaction, &self.next.session, self.replayed.at).await? {
            return Ok(Rotation::Refused);
        }
        audit::record(transaction, &self.replayed).await?;
        Ok(Rotation::Replayed)
    }

    async fn replace(&self, transaction: &Transaction) -> Result<(), Error> {
        let used = refresh_token::ActiveModel {
            used_at: Set(Some(self.event.at.unix_secs())),
            ..refresh_token::ActiveModel::default()
        };
        refresh_token::Entity::update_many()
            .set(used)
            .filter(refresh_token::Column::Hash.eq(self.used.to_vec()))
            .exec(transaction)
            .await?;
        row::insert(transaction, unused_row(&self.next)).await
    }
}

impl Change for Revoke {
    type Outcome = bool;

    async fn apply(&self, transaction: &Transaction) -> Result<bool, Error> {
        if !end(transaction, &self.id, self.event.at).await? {
            return Ok(false);
        }
        audit::record(transaction, &self.event).await?;
        Ok(true)
    }
}

/// Ends every session of a client.
pub(crate) async fn end_all_of(
    transaction: &Transaction,
    client: &str,
    at: Timestamp,
) -> Result<(), Error> {
    Entity::update_many()
        .set(ended(at))
        .filter(Column::Client.eq(client))
        .filter(Column::RevokedAt.is_null())
        .exec(transaction)
        .await?;
    Ok(())
}

/// Reads a session.
pub(crate) async fn by_id<C: ConnectionTrait>(
    database: &C,
    id: &str,
) -> Result<Option<Session>, Error> {
    if !row::can_hold(id) {
        return Ok(None);
    }
    let row = Entity::find_by_id(id).one(database).await?;
    row.map(Session::try_from).transpose()
}

/// Finds the session of a refresh token, used or not.
pub(crate) async fn by_refresh_token<C: ConnectionTrait>(
    database: &C,
    hash: &SecretHash,
) -> Result<Option<Session>, Error> {
    let its_session = Query::select()
        .column(refresh_token::Column::Session)
        .from(refresh_token::Entity)
        .and_where(refresh_token::Column::Hash.eq(hash.to_vec()))
        .take();
    let row = Entity::find()
        .filter(Column::Id.in_subquery(its_session))
        .one(database)
        .await?;
    row.map(Session::try_from).transpose()
}

/// Ends a session that has not ended; tells whether it did.
async fn end(transaction: &Transaction, id: &str, at: Timestamp) -> Result<bool, Error> {
    let ended = Entity::update_many()
        .set(ended(at))
        .filter(Column::Id.eq(id))
        .filter(Column::RevokedAt.is_null())
        .filter(Column::ExpiresAt.gt(at.unix_secs()))
        .exec(transaction)
        .await?;
    Ok(ended.rows_affected > 0)
}

fn ended(at: Timestamp) -> ActiveModel {
    ActiveModel {
        revoked_at: Set(Some(at.unix_secs())),
        ..ActiveModel::default()
    }
}

async fn is_open(transaction: &Transaction, id: &str, at: Timestamp) -> Result<bool, Error> {
    let session = by_id(transaction, id).await?;
    Ok(session.is_some_and(|session| session.revoked_at.is_none() && at < session.expires_at))
}

fn client_of(session: &Session) -> Option<&str> {
    match &session.principal {
        Principal::Client { id, .. } => Some(id),
        Principal::Oidc { .. } | Principal::Certificate { .. } | Principal::Operator { .. } => None,
    }
}

impl TryFrom<Model> for Session {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let thumbprint = row.certificate_thumbprint;
        let thumbprint = thumbprint.map(|value| octets("session.certificate_thumbprint", &value));
        Ok(Self {
            id: row.id,
            principal: unjson("session.principal", &row.principal)?,
            certificate_thumbprint: thumbprint.transpose()?,
            created_at: Timestamp::from_unix_secs(row.created_at),
            expires_at: Timestamp::from_unix_secs(row.expires_at),
            revoked_at: moment(row.revoked_at),
        })
    }
}

impl TryFrom<&Session> for Model {
    type Error = Error;

    fn try_from(session: &Session) -> Result<Self, Error> {
        Ok(Self {
            id: session.id.clone(),
            principal: json(&session.principal)?,
            client: client_of(session).map(str::to_owned),
            certificate_thumbprint: session.certificate_thumbprint.map(Vec::from),
            created_at: session.created_at.unix_secs(),
            expires_at: session.expires_at.unix_secs(),
            revoked_at: session.revoked_at.map(Timestamp::unix_secs),
        })
    }
}

fn unused_row(token: &RefreshToken) -> refresh_token::Model {
    refresh_token::Model {
        hash: token.hash.to_vec(),
        session: token.session.clone(),
        expires_at: token.expires_at.unix_secs(),
        used_at: None,
    }
}
