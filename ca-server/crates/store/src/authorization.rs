//! Authorizations and their challenges.

mod change;
mod find;

pub(crate) use change::{Add, BeginValidation, ConcludeValidation, Deactivate, NoteCaaCheck};
pub(crate) use find::{by_id, by_ids, held, interrupted, reusable};

use ca_acme::authorization::{
    Authorization, AuthorizationStatus, Challenge, ChallengeKind, ChallengeStatus,
};
use ca_pki::{Identifier, Timestamp};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};

use crate::entity::authorization::{ActiveModel, Column, Entity, Model};
use crate::row::{self, json, moment, named, unjson};
use crate::transaction::Transaction;
use crate::{Error, identifier, problem};

/// Whether an authorization was made by newOrder or by newAuthz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It came with an order; while pending it serves that order alone.
    Order,
    /// It was asked for by itself; any order may take it up.
    Standalone,
}

/// Inserts an authorization.
pub(crate) async fn insert(
    transaction: &Transaction,
    authorization: &Authorization,
    origin: Origin,
) -> Result<(), Error> {
    let mut row = to_row(authorization)?;
    row.standalone = origin == Origin::Standalone;
    row::insert(transaction, row).await?;
    Ok(())
}

/// Reads authorizations and keeps them as they are until the transaction ends; in no order.
pub(crate) async fn hold(
    transaction: &Transaction,
    ids: &[String],
    now: Timestamp,
) -> Result<Vec<Authorization>, Error> {
    let rows = Entity::find()
        .filter(Column::Id.is_in(ids))
        .order_by_asc(Column::Id)
        .lock(LockType::Share);
    let rows = transaction.all(rows).await?;
    rows.into_iter().map(|row| from_row(row, now)).collect()
}

/// Deactivates what is pending or valid of an account.
pub(crate) async fn deactivate_all_of(
    transaction: &Transaction,
    account: &str,
) -> Result<(), Error> {
    let changes = ActiveModel {
        status: Set(status_name(AuthorizationStatus::Deactivated).to_owned()),
        validating: Set(false),
        ..ActiveModel::default()
    };
    let usable = [AuthorizationStatus::Pending, AuthorizationStatus::Valid];
    Entity::update_many()
        .set(changes)
        .filter(Column::Account.eq(account))
        .filter(Column::Status.is_in(usable.map(status_name)))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Reads a row; one whose end has passed is `Expired`, whatever it says.
fn from_row(row: Model, now: Timestamp) -> Result<Authorization, Error> {
    let expires_at = Timestamp::from_unix_secs(row.expires_at);
    let stored = named("authorization.status", STATUSES, &row.status)?;
    let over = expires_at <= now;
    let status = match stored {
        AuthorizationStatus::Pending | AuthorizationStatus::Valid if over => {
            AuthorizationStatus::Expired
        }
        AuthorizationStatus::Pending
        | AuthorizationStatus::Valid
        | AuthorizationStatus::Invalid
        | AuthorizationStatus::Deactivated
        | AuthorizationStatus::Expired
        | AuthorizationStatus::Revoked => stored,
    };
    let challenges: Vec<ChallengeRow> = unjson("authorization.challenges", &row.challenges)?;
    let challenges = challenges.into_iter().map(Challenge::try_from);
    Ok(Authorization {
        identifier: identifier::parse(&row.identifier_type, &row.identifier_value)?,
        challenges: challenges.collect::<Result<_, _>>()?,
        id: row.id,
        account: row.account,
        directory: row.directory,
        wildcard: row.wildcard,
        status,
        expires_at,
        caa_checked_at: moment(row.caa_checked_at),
        granted_by: row.granted_by,
    })
}

/// Lays out an authorization that came with an order.
pub(crate) fn to_row(authorization: &Authorization) -> Result<Model, Error> {
    Ok(Model {
        id: authorization.id.clone(),
        account: authorization.account.clone(),
        directory: authorization.directory.clone(),
        identifier_type: authorization.identifier.kind().to_owned(),
        identifier_value: authorization.identifier.value(),
        wildcard: authorization.wildcard,
        status: status_name(authorization.status).to_owned(),
        expires_at: authorization.expires_at.unix_secs(),
        challenges: challenges_to_json(&authorization.challenges)?,
        validating: is_validating(authorization),
        standalone: false,
        caa_checked_at: authorization.caa_checked_at.map(Timestamp::unix_secs),
        granted_by: authorization.granted_by.clone(),
    })
}

fn is_validating(authorization: &Authorization) -> bool {
    let processing = |challenge: &Challenge| challenge.status == ChallengeStatus::Processing;
    authorization.status == AuthorizationStatus::Pending
        && authorization.challenges.iter().any(processing)
}

fn challenges_to_json(challenges: &[Challenge]) -> Result<String, Error> {
    let rows: Vec<ChallengeRow> = challenges.iter().map(ChallengeRow::from).collect();
    json(&rows)
}

/// A challenge inside its authorization's row.
#[derive(Serialize, Deserialize)]
struct ChallengeRow {
    kind: String,
    status: String,
    token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    validated_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<problem::ProblemRow>,
}

impl From<&Challenge> for ChallengeRow {
    fn from(challenge: &Challenge) -> Self {
        Self {
            kind: challenge.kind.name().to_owned(),
            status: challenge_status_name(challenge.status).to_owned(),
            token: challenge.token.clone(),
            validated_at: challenge.validated_at.map(Timestamp::unix_secs),
            error: challenge.error.as_ref().map(problem::ProblemRow::from),
        }
    }
}

impl TryFrom<ChallengeRow> for Challenge {
    type Error = Error;

    fn try_from(row: ChallengeRow) -> Result<Self, Error> {
        let kind = ChallengeKind::parse(&row.kind);
        Ok(Self {
            kind: kind.ok_or_else(|| Error::Corrupt(format!("challenge kind {:?}", row.kind)))?,
            status: named("challenge status", CHALLENGE_STATUSES, &row.status)?,
            token: row.token,
            validated_at: moment(row.validated_at),
            error: row.error.map(TryInto::try_into).transpose()?,
        })
    }
}

/// Type, value and wildcard: the columns by which an authorization is found.
type Subject = (&'static str, String, bool);

/// Returns what an authorization for this identifier has in these columns.
fn columns_of(identifier: &Identifier) -> Subject {
    match identifier {
        Identifier::Dns(name) => ("dns", name.base().to_owned(), name.is_wildcard()),
        Identifier::Ip(_) | Identifier::Uri(_) | Identifier::Email(_) => {
            (identifier.kind(), identifier.value(), false)
        }
    }
}

/// Returns the name of a status in a row.
pub(crate) fn status_name(status: AuthorizationStatus) -> &'static str {
    match status {
        AuthorizationStatus::Pending => "pending",
        AuthorizationStatus::Valid => "valid",
        AuthorizationStatus::Invalid => "invalid",
        AuthorizationStatus::Deactivated => "deactivated",
        AuthorizationStatus::Expired => "expired",
        AuthorizationStatus::Revoked => "revoked",
    }
}

fn challenge_status_name(status: ChallengeStatus) -> &'static str {
    match status {
        ChallengeStatus::Pending => "pending",
        ChallengeStatus::Processing => "processing",
        ChallengeStatus::Valid => "valid",
        ChallengeStatus::Invalid => "invalid",
    }
}

const STATUSES: &[(AuthorizationStatus, &str)] = &[
    (AuthorizationStatus::Pending, "pending"),
    (AuthorizationStatus::Valid, "valid"),
    (AuthorizationStatus::Invalid, "invalid"),
    (AuthorizationStatus::Deactivated, "deactivated"),
    (AuthorizationStatus::Expired, "expired"),
    (AuthorizationStatus::Revoked, "revoked"),
];

const CHALLENGE_STATUSES: &[(ChallengeStatus, &str)] = &[
    (ChallengeStatus::Pending, "pending"),
    (ChallengeStatus::Processing, "processing"),
    (ChallengeStatus::Valid, "valid"),
    (ChallengeStatus::Invalid, "invalid"),
];
