//! What places and fails an order by itself.

use ca_acme::Problem;
use ca_acme::authorization::{Authorization, AuthorizationStatus};
use ca_acme::order::{Order, OrderStatus};
use ca_acme::store::{NewOrder, Placement};
use ca_issuance::audit::Event;
use ca_pki::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{status_name, to_row};
use crate::authorization::Origin;
use crate::change::Change;
use crate::entity::order::{ActiveModel, Column, Entity};
use crate::row::json;
use crate::transaction::{Others, Transaction};
use crate::{Error, account, audit, authorization, problem, row};

/// Places an order with the authorizations that it brings along.
pub(crate) struct Place {
    pub(crate) new: NewOrder,
    pub(crate) now: Timestamp,
    pub(crate) event: Event,
}

/// Marks a ready order invalid.
pub(crate) struct Fail {
    pub(crate) id: String,
    pub(crate) problem: Problem,
    pub(crate) event: Event,
}

impl Change for Place {
    type Outcome = Placement;

    const SWIFT: bool = true;

    async fn apply(&self, transaction: &Transaction) -> Result<Placement, Error> {
        let order = &self.new.order;
        if let Some(replaces) = &order.replaces
            && is_being_replaced(transaction, replaces, self.now).await?
        {
            return Ok(Placement::AlreadyReplaced);
        }
        let Some(status) = self.status(transaction).await? else {
            return Ok(Placement::AuthorizationGone);
        };
        let placed = Order {
            status,
            ..order.clone()
        };
        let inserted = match transaction.others() {
            Others::Wait => self.insert(transaction, &placed).await?,
            Others::Write => self.insert_at_once(transaction, &placed).await?,
        };
        if !inserted {
            return Ok(Placement::AccountNotValid);
        }
        audit::record(transaction, &self.event).await?;
        Ok(Placement::Placed(placed))
    }
}

impl Place {
    /// Computes the status from the authorizations as they are now: one that was pending when
    /// the caller looked may have become valid. `None` if one that was to be reused has ended.
    async fn status(&self, transaction: &Transaction) -> Result<Option<OrderStatus>, Error> {
        let brought = |id: &&String| self.new.new_authorizations.iter().any(|new| new.id == **id);
        let reused = self.new.order.authorizations.iter();
        let reused: Vec<String> = reused.filter(|id| !brought(id)).cloned().collect();
        // Held until the commit: a validation that ends meanwhile waits, then finds this order.
        let held = match reused.is_empty() {
            true => Vec::new(),
            false => authorization::hold(transaction, &reused, self.now).await?,
        };
        if held.len() < reused.len() || !held.iter().all(|one| self.may_use(one)) {
            return Ok(None);
        }
        let mut all = held.iter().chain(&self.new.new_authorizations);
        let ready = all.all(|one| one.status == AuthorizationStatus::Valid);
        Ok(Some(match ready {
            true => OrderStatus::Ready,
            false => OrderStatus::Pending,
        }))
    }

    fn may_use(&self, authorization: &Authorization) -> bool {
        let usable = [AuthorizationStatus::Pending, AuthorizationStatus::Valid];
        authorization.account == self.new.order.account
            && usable.contains(&authorization.status)
            && authorization.granted_by.is_none()
    }

    /// Inserts the order and what it brings along; `false` if the account is not valid.
    async fn insert(&self, transaction: &Transaction, order: &Order) -> Result<bool, Error> {
        if !account::hold_valid(transaction, &order.account).await? {
            return Ok(false);
        }
        for new in &self.new.new_authorizations {
            authorization::insert(transaction, new, Origin::Order).await?;
        }
        // Two orders that replace one certificate: the unique index lets one through, and the
        // other runs again and finds it.
        row::insert(transaction, to_row(order)?).await?;
        for authorization in &order.authorizations {
            let link = [authorization.as_str().into(), order.id.as_str().into()];
            transaction.run(LINK, link).await?;
        }
        Ok(true)
    }

    /// The same in one statement, where each is a way to another machine. The account stays valid
    /// until the commit.
    async fn insert_at_once(
        &self,
        transaction: &Transaction,
        order: &Order,
    ) -> Result<bool, Error> {
        let row = to_row(order)?;
        let brought = self.new.new_authorizations.iter();
        let brought = brought.map(authorization::to_row);
        let brought = brought.collect::<Result<Vec<_>, _>>()?;
        let values = [
            row.account.into(),
            row.id.into(),
            row.directory.into(),
            row.status.into(),
            row.expires_at.into(),
            row.identifiers.into(),
            row.authorizations.into(),
            row.profile.into(),
            row.not_before.into(),
            row.not_after.into(),
            row.replaces.into(),
            row.created_at.into(),
            json(&brought)?.into(),
        ];
        Ok(transaction.run(PLACE, values).await? > 0)
    }
}

impl Change for Fail {
    type Outcome = ();

    async fn apply(&self, transaction: &Transaction) -> Result<(), Error> {
        let changes = ActiveModel {
            status: Set(status_name(OrderStatus::Invalid).to_owned()),
            error: Set(Some(problem::to_json(&self.problem)?)),
            ..ActiveModel::default()
        };
        let failed = Entity::update_many()
            .set(changes)
            .filter(Column::Id.eq(&self.id))
            .filter(Column::Status.eq(status_name(OrderStatus::Ready)))
            .exec(transaction)
            .await?;
        if failed.rows_affected == 0 {
            return Err(Error::Conflict);
        }
        audit::record(transaction, &self.event).await
    }
}

/// Returns whether an order that is not invalid replaces this certificate. One that expired
/// unfinished is marked invalid first: it must not hold the place.
async fn is_being_replaced(
    transaction: &Transaction,
    replaces: &str,
    now: Timestamp,
) -> Result<bool, Error> {
    transaction
        .run(EXPIRE_REPLACING, [replaces.into(), now.unix_secs().into()])
        .await?;
    let holders = transaction.texts(REPLACING, [replaces.into()]).await?;
    Ok(!holders.is_empty())
}

/// Placing on PostgreSQL: nothing is inserted unless the account is valid.
const PLACE: &str = r#"
WITH holder AS MATERIALIZED (
    SELECT id FROM account WHERE id = $1 AND status = 'valid' FOR SHARE
), placed AS (
    INSERT INTO acme_order (id, account, directory, status, expires_at, identifiers,
        authorizations, profile, not_before, not_after, replaces, created_at)
    SELECT $2, holder.id, $3, $4, $5, $6, $7::text, $8, $9, $10, $11, $12 FROM holder
    RETURNING id
), brought AS (
    INSERT INTO "authorization" (id, account, directory, identifier_type, identifier_value,
        wildcard, status, expires_at, challenges, validating, standalone, caa_checked_at,
        granted_by)
    SELECT new.id, holder.id, new.directory, new.identifier_type, new.identifier_value,
        new.wildcard, new.status, new.expires_at, new.challenges, new.validating, new.standalone,
        new.caa_checked_at, new.granted_by
    FROM holder, json_to_recordset($13::json) AS new (id text, directory text,
        identifier_type text, identifier_value text, wildcard boolean, status text,
        expires_at bigint, challenges text, validating boolean, standalone boolean,
        caa_checked_at bigint, granted_by text)
)
INSERT INTO order_authorization (authorization_id, order_id)
SELECT held.id, placed.id FROM placed, json_array_elements_text($7::json) AS held (id)"#;
const LINK: &str = "INSERT INTO order_authorization (authorization_id, order_id) VALUES ($1, $2)";

// `status <> 'invalid'` is there for the partial index.
const EXPIRE_REPLACING: &str = "UPDATE acme_order SET status = 'invalid' \
     WHERE replaces = $1 AND status <> 'invalid' \
     AND status IN ('pending', 'ready') AND expires_at <= $2";
const REPLACING: &str =
    "SELECT id FROM acme_order WHERE replaces = $1 AND status <> 'invalid' LIMIT 1";
