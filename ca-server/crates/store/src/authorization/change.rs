//! What changes an authorization.

use ca_acme::authorization::{Authorization, AuthorizationStatus, ChallengeKind, ChallengeStatus};
use ca_acme::store::ValidationOutcome;
use ca_acme::{Problem, ProblemKind};
use ca_issuance::audit::Event;
use ca_pki::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use super::{Origin, challenges_to_json, from_row, insert, is_validating, status_name};
use crate::change::Change;
use crate::entity::authorization::{ActiveModel, Column, Entity};
use crate::transaction::Transaction;
use crate::{Error, account, audit, order};

/// Adds an authorization outside of an order.
pub(crate) struct Add {
    pub(crate) authorization: Authorization,
    pub(crate) event: Event,
}

/// Marks a challenge as being validated.
pub(crate) struct BeginValidation {
    pub(crate) id: String,
    pub(crate) challenge: ChallengeKind,
    pub(crate) now: Timestamp,
}

/// Writes how a validation ended, and what follows for orders.
pub(crate) struct ConcludeValidation {
    pub(crate) id: String,
    pub(crate) challenge: ChallengeKind,
    pub(crate) outcome: ValidationOutcome,
    pub(crate) now: Timestamp,
    pub(crate) event: Event,
}

/// Deactivates an authorization; unfinished orders that hold it fail.
pub(crate) struct Deactivate {
    pub(crate) id: String,
    pub(crate) now: Timestamp,
    pub(crate) event: Event,
}

/// Notes a check of CAA.
pub(crate) struct NoteCaaCheck {
    pub(crate) ids: Vec<String>,
    pub(crate) at: Timestamp,
}

impl Change for Add {
    type Outcome = ();

    const SWIFT: bool = true;

    async fn apply(&self, transaction: &Transaction) -> Result<(), Error> {
        if !account::hold_valid(transaction, &self.authorization.account).await? {
            return Err(Error::Conflict);
        }
        insert(transaction, &self.authorization, Origin::Standalone).await?;
        audit::record(transaction, &self.event).await
    }
}

impl Change for BeginValidation {
    type Outcome = ();

    const SWIFT: bool = true;

    async fn apply(&self, transaction: &Transaction) -> Result<(), Error> {
        let mut authorization = lock_pending(transaction, &self.id, self.now).await?;
        let challenges = authorization.challenges.iter_mut();
        let challenge = challenges
            .filter(|challenge| challenge.status == ChallengeStatus::Pending)
            .find(|challenge| challenge.kind == self.challenge)
            .ok_or(Error::Conflict)?;
        challenge.status = ChallengeStatus::Processing;
        save(transaction, &authorization).await
    }
}

impl Change for ConcludeValidation {
    type Outcome = Authorization;

    const SWIFT: bool = true;

    async fn apply(&self, transaction: &Transaction) -> Result<Authorization, Error> {
        let mut authorization = lock_pending(transaction, &self.id, self.now).await?;
        self.conclude(&mut authorization)?;
        save(transaction, &authorization).await?;
        match &self.outcome {
            ValidationOutcome::Proven { .. } => order::advance(transaction, &self.id).await?,
            ValidationOutcome::Failed(problem) => {
                order::fail_holders(transaction, &self.id, problem).await?;
            }
        }
        audit::record(transaction, &self.event).await?;
        Ok(authorization)
    }
}

impl ConcludeValidation {
    /// Keeps only the challenge that decided: RFC 8555 §7.1.4 shows final authorizations so.
    fn conclude(&self, authorization: &mut Authorization) -> Result<(), Error> {
        let open = [ChallengeStatus::Pending, ChallengeStatus::Processing];
        authorization.challenges.retain(|challenge| {
            challenge.kind == self.challenge && open.contains(&challenge.status)
        });
        let challenge = authorization
            .challenges
            .first_mut()
            .ok_or(Error::Conflict)?;
        match &self.outcome {
            ValidationOutcome::Proven { expires_at } => {
                challenge.status = ChallengeStatus::Valid;
                challenge.validated_at = Some(self.now);
                authorization.status = AuthorizationStatus::Valid;
                authorization.expires_at = *expires_at;
                // Validation ends with CAA: finalize need not ask again soon.
                authorization.caa_checked_at = Some(self.now);
            }
            ValidationOutcome::Failed(problem) => {
                challenge.status = ChallengeStatus::Invalid;
                challenge.error = Some(problem.clone());
                authorization.status = AuthorizationStatus::Invalid;
            }
        }
        Ok(())
    }
}

impl Change for Deactivate {
    type Outcome = Authorization;

    async fn apply(&self, transaction: &Transaction) -> Result<Authorization, Error> {
        let mut authorization = lock(transaction, &self.id, self.now).await?;
        let usable = [AuthorizationStatus::Pending, AuthorizationStatus::Valid];
        if !usable.contains(&authorization.status) {
            return Err(Error::Conflict);
        }
        authorization.status = AuthorizationStatus::Deactivated;
        save(transaction, &authorization).await?;
        let why = Problem::new(
            ProblemKind::Unauthorized,
            "an authorization of this order was deactivated",
        );
        order::fail_holders(transaction, &self.id, &why).await?;
        audit::record(transaction, &self.event).await?;
        Ok(authorization)
    }
}

impl Change for NoteCaaCheck {
    type Outcome = ();

    async fn apply(&self, transaction: &Transaction) -> Result<(), Error> {
        let changes = ActiveModel {
            caa_checked_at: Set(Some(self.at.unix_secs())),
            ..ActiveModel::default()
        };
        Entity::update_many()
            .set(changes)
            .filter(Column::Id.is_in(&self.ids))
            .exec(transaction)
            .await?;
        Ok(())
    }
}

async fn lock_pending(
    transaction: &Transaction,
    id: &str,
    now: Timestamp,
) -> Result<Authorization, Error> {
    let authorization = lock(transaction, id, now).await?;
    match authorization.status == AuthorizationStatus::Pending {
        true => Ok(authorization),
        false => Err(Error::Conflict),
    }
}

/// Reads an authorization and lets nobody else change it until the transaction ends.
async fn lock(transaction: &Transaction, id: &str, now: Timestamp) -> Result<Authorization, Error> {
    let row = Entity::find_by_id(id).lock(LockType::NoKeyUpdate);
    let row = transaction.one(row).await?;
    from_row(row.ok_or(Error::Conflict)?, now)
}

async fn save(transaction: &Transaction, authorization: &Authorization) -> Result<(), Error> {
    let changes = ActiveModel {
        status: Set(status_name(authorization.status).to_owned()),
        expires_at: Set(authorization.expires_at.unix_secs()),
        challenges: Set(challenges_to_json(&authorization.challenges)?),
        validating: Set(is_validating(authorization)),
        caa_checked_at: Set(authorization.caa_checked_at.map(Timestamp::unix_secs)),
        ..ActiveModel::default()
    };
    let saved = Entity::update_many()
        .set(changes)
        .filter(Column::Id.eq(&authorization.id));
    transaction.run_built(saved).await?;
    Ok(())
}
