//! What finds authorizations.

use std::collections::BTreeMap;

use ca_acme::authorization::{Authorization, AuthorizationStatus};
use ca_pki::{Identifier, Timestamp};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{Subject, columns_of, from_row, status_name};
use crate::Error;
use crate::entity::authorization::{Column, Entity, Model};
use crate::point_reads::PointReads;
use crate::pool::Pool;

/// Reads an authorization.
pub(crate) async fn by_id(
    database: &PointReads,
    id: &str,
    now: Timestamp,
) -> Result<Option<Authorization>, Error> {
    let row = database.first(BY_ID, [id.into()]).await?;
    let authorization = row.map(|row| from_row(row.model::<Entity>()?, now));
    authorization.transpose()
}

/// Reads several, in the order of `ids`, missing ones left out.
pub(crate) async fn by_ids(
    database: &PointReads,
    ids: &[String],
    now: Timestamp,
) -> Result<Vec<Authorization>, Error> {
    let some = Entity::find().filter(Column::Id.is_in(ids));
    let rows = database.all(some).await?;
    let mut found: BTreeMap<String, Model> =
        rows.into_iter().map(|row| (row.id.clone(), row)).collect();
    let in_order = ids.iter().filter_map(|id| found.remove(id));
    in_order.map(|row| from_row(row, now)).collect()
}

/// Finds for each identifier the authorization that an order of the account may take up: a valid
/// one that was proven, else a pending one made by newAuthz, that holds beyond `until`.
pub(crate) async fn reusable(
    database: &PointReads,
    account: &str,
    identifiers: &[Identifier],
    until: Timestamp,
) -> Result<Vec<Authorization>, Error> {
    let pending = Condition::all()
        .add(Column::Status.eq(status_name(AuthorizationStatus::Pending)))
        .add(Column::Standalone.eq(true));
    let usable = Condition::any()
        .add(Column::Status.eq(status_name(AuthorizationStatus::Valid)))
        .add(pending);
    let rows = candidates(database, account, identifiers, usable).await?;
    let mut best = BTreeMap::new();
    for row in rows {
        let authorization = from_row(row, until)?;
        if authorization.status != AuthorizationStatus::Expired {
            keep_better(&mut best, authorization);
        }
    }
    let wanted = identifiers.iter().map(columns_of);
    Ok(wanted.filter_map(|subject| best.remove(&subject)).collect())
}

/// Keeps a valid one rather than a pending one, then the one that holds longest.
fn keep_better(best: &mut BTreeMap<Subject, Authorization>, candidate: Authorization) {
    let rank = |authorization: &Authorization| {
        let valid = authorization.status == AuthorizationStatus::Valid;
        (valid, authorization.expires_at)
    };
    let subject = (
        candidate.identifier.kind(),
        candidate.identifier.value(),
        candidate.wildcard,
    );
    match best.get(&subject) {
        Some(other) if rank(other) >= rank(&candidate) => {}
        Some(_) | None => {
            best.insert(subject, candidate);
        }
    }
}

/// Tells whether the account has proven control over every identifier and still may use it at
/// `moment`.
pub(crate) async fn held(
    database: &PointReads,
    account: &str,
    identifiers: &[Identifier],
    moment: Timestamp,
) -> Result<bool, Error> {
    let valid = Condition::all()
        .add(Column::Status.eq(status_name(AuthorizationStatus::Valid)))
        .add(Column::ExpiresAt.gt(moment.unix_secs()));
    let rows = candidates(database, account, identifiers, valid).await?;
    Ok(identifiers.iter().all(|identifier| {
        let (kind, value, wildcard) = columns_of(identifier);
        rows.iter().any(|row| {
            row.identifier_type == kind && row.identifier_value == value && row.wildcard == wildcard
        })
    }))
}

/// Finds authorizations that were not granted: a grant is judged anew for each order, and shows
/// no control.
async fn candidates(
    database: &PointReads,
    account: &str,
    identifiers: &[Identifier],
    condition: Condition,
) -> Result<Vec<Model>, Error> {
    let values = identifiers
        .iter()
        .map(|identifier| columns_of(identifier).1);
    let candidates = Entity::find()
        .filter(Column::Account.eq(account))
        .filter(Column::IdentifierValue.is_in(values))
        .filter(Column::GrantedBy.is_null())
        .filter(condition);
    database.all(candidates).await
}

/// Lists authorizations with a challenge that was being validated.
pub(crate) async fn interrupted(
    database: &Pool,
    now: Timestamp,
) -> Result<Vec<Authorization>, Error> {
    let rows = Entity::find()
        // A literal, so that the partial index serves.
        .filter(Expr::cust("validating = true"))
        .filter(Column::ExpiresAt.gt(now.unix_secs()))
        .order_by_asc(Column::Id)
        .limit(MAX_INTERRUPTED)
        .all(database)
        .await?;
    rows.into_iter().map(|row| from_row(row, now)).collect()
}

const MAX_INTERRUPTED: u64 = 10_000;
const BY_ID: &str = "SELECT id, account, directory, identifier_type, identifier_value, wildcard, \
     status, expires_at, challenges, validating, standalone, caa_checked_at, granted_by \
     FROM \"authorization\" WHERE id = $1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::point_reads::reads_every_column;

    #[test]
    fn a_row_is_read_by_every_column_in_order() {
        assert!(reads_every_column::<Entity>(BY_ID));
    }
}
