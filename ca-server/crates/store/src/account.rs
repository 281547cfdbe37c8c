//! Accounts.

mod list;
mod memory;

pub(crate) use list::page as list;
pub(crate) use memory::Memory;

use std::sync::Arc;

use ca_acme::account::{Account, AccountStatus};
use ca_acme::store::{KeyChange, Registration};
use ca_issuance::audit::Event;
use ca_pki::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::change::Change;
use crate::entity::account::{ActiveModel, Column, Entity, Model};
use crate::external_account::Binding;
use crate::point_reads::PointReads;
use crate::row::{self, json, named, unjson};
use crate::transaction::{Others, Transaction};
use crate::{Error, audit, authorization, external_account, order, principal};

/// Registers an account.
pub(crate) struct Register {
    pub(crate) account: Account,
    pub(crate) now: Timestamp,
    pub(crate) event: Event,
}

/// Replaces contacts and notes agreement.
pub(crate) struct Update {
    pub(crate) id: String,
    pub(crate) contacts: Option<Vec<String>>,
    pub(crate) terms_agreed: bool,
    pub(crate) event: Event,
    pub(crate) memory: Arc<Memory>,
}

/// Deactivates an account and what hangs on it.
pub(crate) struct Deactivate {
    pub(crate) id: String,
    pub(crate) event: Event,
    pub(crate) memory: Arc<Memory>,
}

/// Swaps an account's key.
pub(crate) struct ChangeKey {
    pub(crate) id: String,
    pub(crate) old_thumbprint: String,
    pub(crate) new_jwk: String,
    pub(crate) new_thumbprint: String,
    pub(crate) event: Event,
    pub(crate) memory: Arc<Memory>,
}

impl Change for Register {
    type Outcome = Registration;

    async fn apply(&self, transaction: &Transaction) -> Result<Registration, Error> {
        let account = &self.account;
        let existing = by_thumbprint(transaction, &account.directory, &account.thumbprint).await?;
        if let Some(existing) = existing {
            return Ok(Registration::Existing(existing));
        }
        let mut bound = account.clone();
        if let Some(kid) = &account.external_account {
            let binding = external_account::bind(transaction, kid, &account.directory, self.now);
            match binding.await? {
                Binding::Bound(principal) => bound.principal = principal,
                Binding::Refused => return Ok(Registration::BindingRefused),
            }
        }
        // Two servers may both have found no account: the unique key lets one through, and the
        // other runs again and finds it. Its use of the external key is undone with it.
        row::insert(transaction, Model::try_from(&bound)?).await?;
        audit::record(transaction, &self.event_for(&bound)).await?;
        Ok(Registration::Created(bound))
    }
}

impl Register {
    /// The caller could not know for whom the account acts: its key said so just now.
    fn event_for(&self, bound: &Account) -> Event {
        let mut event = self.event.clone();
        if bound.principal.is_some() {
            event.actor = bound.actor();
        }
        event
    }
}

impl Change for Update {
    type Outcome = Account;

    async fn apply(&self, transaction: &Transaction) -> Result<Account, Error> {
        let mut changes = ActiveModel::default();
        if let Some(contacts) = &self.contacts {
            changes.contacts = Set(json(contacts)?);
        }
        // Agreement is given, never taken back: an update that does not mention it leaves it.
        if self.terms_agreed {
            changes.terms_agreed = Set(true);
        }
        if self.contacts.is_some() || self.terms_agreed {
            update_valid(transaction, &self.id, changes).await?;
        }
        audit::record(transaction, &self.event).await?;
        let account = by_id(transaction, &self.id).await?;
        account
            .filter(|account| account.status == AccountStatus::Valid)
            .ok_or(Error::Conflict)
    }

    fn forget(&self) {
        self.memory.forget(&self.id);
    }
}

impl Change for Deactivate {
    type Outcome = Account;

    async fn apply(&self, transaction: &Transaction) -> Result<Account, Error> {
        let status = Set(status_name(AccountStatus::Deactivated).to_owned());
        let changes = ActiveModel {
            status,
            ..ActiveModel::default()
        };
        update_valid(transaction, &self.id, changes).await?;
        order::fail_unfinished_of(transaction, &self.id).await?;
        authorization::deactivate_all_of(transaction, &self.id).await?;
        audit::record(transaction, &self.event).await?;
        by_id(transaction, &self.id).await?.ok_or(Error::Conflict)
    }

    fn forget(&self) {
        self.memory.forget(&self.id);
    }
}

impl Change for ChangeKey {
    type Outcome = KeyChange;

    async fn apply(&self, transaction: &Transaction) -> Result<KeyChange, Error> {
        let Some(account) = by_id(transaction, &self.id).await? else {
            return Ok(KeyChange::Stale);
        };
        let taken = by_thumbprint(transaction, &account.directory, &self.new_thumbprint).await?;
        if let Some(other) = taken {
            return Ok(KeyChange::KeyInUse(other.id));
        }
        let changes = ActiveModel {
            jwk: Set(self.new_jwk.clone()),
            thumbprint: Set(self.new_thumbprint.clone()),
            ..ActiveModel::default()
        };
        let changed = Entity::update_many()
            .set(changes)
            .filter(Column::Id.eq(&self.id))
            .filter(Column::Thumbprint.eq(&self.old_thumbprint))
            .filter(Column::Status.eq(status_name(AccountStatus::Valid)))
            .exec(transaction)
            .await?;
        if changed.rows_affected == 0 {
            return Ok(KeyChange::Stale);
        }
        audit::record(transaction, &self.event).await?;
        let account = by_id(transaction, &self.id).await?;
        account.map(KeyChange::Changed).ok_or(Error::Conflict)
    }

    fn forget(&self) {
        self.memory.forget(&self.id);
    }
}

/// Reads an account for a request: each names one.
pub(crate) async fn named_by(database: &PointReads, id: &str) -> Result<Option<Account>, Error> {
    let row = database.first(BY_ID, [id.into()]).await?;
    let account = row.map(|row| Account::try_from(row.model::<Entity>()?));
    account.transpose()
}

/// Reads an account.
async fn by_id<C: ConnectionTrait>(database: &C, id: &str) -> Result<Option<Account>, Error> {
    let row = Entity::find_by_id(id).one(database).await?;
    row.map(Account::try_from).transpose()
}

/// Finds the account of a key.
pub(crate) async fn by_thumbprint<C: ConnectionTrait>(
    database: &C,
    directory: &str,
    thumbprint: &str,
) -> Result<Option<Account>, Error> {
    let row = Entity::find()
        .filter(Column::Directory.eq(directory))
        .filter(Column::Thumbprint.eq(thumbprint))
        .one(database)
        .await?;
    row.map(Account::try_from).transpose()
}

/// Returns whether the account is valid, and keeps it so until the transaction ends.
pub(crate) async fn hold_valid(transaction: &Transaction, id: &str) -> Result<bool, Error> {
    let found = match transaction.others() {
        Others::Wait => transaction.texts(VALID, [id.into()]).await?,
        Others::Write => {
            let held = format!("{VALID} FOR SHARE");
            transaction.texts(&held, [id.into()]).await?
        }
    };
    Ok(!found.is_empty())
}

async fn update_valid(
    transaction: &Transaction,
    id: &str,
    changes: ActiveModel,
) -> Result<(), Error> {
    let updated = Entity::update_many()
        .set(changes)
        .filter(Column::Id.eq(id))
        .filter(Column::Status.eq(status_name(AccountStatus::Valid)))
        .exec(transaction)
        .await?;
    match updated.rows_affected {
        0 => Err(Error::Conflict),
        _ => Ok(()),
    }
}

impl TryFrom<Model> for Account {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(Self {
            status: named("account.status", STATUSES, &row.status)?,
            contacts: unjson("account.contacts", &row.contacts)?,
            id: row.id,
            directory: row.directory,
            jwk: row.jwk,
            thumbprint: row.thumbprint,
            terms_agreed: row.terms_agreed,
            external_account: row.external_account,
            external_binding: row.external_binding,
            principal: principal::from_row("account.principal", row.principal)?,
            created_at: Timestamp::from_unix_secs(row.created_at),
        })
    }
}

impl TryFrom<&Account> for Model {
    type Error = Error;

    fn try_from(account: &Account) -> Result<Self, Error> {
        Ok(Self {
            id: account.id.clone(),
            directory: account.directory.clone(),
            status: status_name(account.status).to_owned(),
            jwk: account.jwk.clone(),
            thumbprint: account.thumbprint.clone(),
            contacts: json(&account.contacts)?,
            terms_agreed: account.terms_agreed,
            external_account: account.external_account.clone(),
            external_binding: account.external_binding.clone(),
            principal: principal::to_row(account.principal.as_deref())?,
            created_at: account.created_at.unix_secs(),
        })
    }
}

fn status_name(status: AccountStatus) -> &'static str {
    match status {
        AccountStatus::Valid => "valid",
        AccountStatus::Deactivated => "deactivated",
        AccountStatus::Revoked => "revoked",
    }
}

const VALID: &str = "SELECT id FROM account WHERE id = $1 AND status = 'valid'";

const STATUSES: &[(AccountStatus, &str)] = &[
    (AccountStatus::Valid, "valid"),
    (AccountStatus::Deactivated, "deactivated"),
    (AccountStatus::Revoked, "revoked"),
];

const BY_ID: &str = "SELECT id, directory, status, jwk, thumbprint, contacts, terms_agreed, \
     external_account, external_binding, principal, created_at FROM account WHERE id = $1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::point_reads::reads_every_column;

    #[test]
    fn a_row_is_read_by_every_column_in_order() {
        assert!(reads_every_column::<Entity>(BY_ID));
    }
}
