//! Pages of certificates.

use ca_issuance::ledger::{
    CertificateCursor, CertificatePage, CertificateQuery, CertificateRecord, CertificateStatus,
};
use ca_pki::{Identifier, Timestamp};
use sea_orm::sea_query::{Expr, Func, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use super::{REVOKED, VALID};
use crate::entity::certificate::{Column, Entity};
use crate::identifier::IdentifierRow;
use crate::pool::Pool;
use crate::{Error, row};

/// Lists certificates that were signed, newest first.
pub(crate) async fn list(
    database: &Pool,
    query: &CertificateQuery,
) -> Result<CertificatePage, Error> {
    let texts = [&query.profile, &query.issuer, &query.requester];
    let texts = texts.into_iter().chain([&query.requested_by]).flatten();
    if !texts.into_iter().all(|text| row::can_hold(text)) {
        return Ok(CertificatePage::cut(Vec::new(), query.limit));
    }
    let rows = Entity::find()
        .filter(matching(query, database.get_database_backend())?)
        .order_by_desc(Column::Serial)
        .order_by_desc(Column::Issuer)
        .limit(u64::from(query.limit) + 1)
        .all(database)
        .await?;
    let records: Result<Vec<_>, _> = rows.into_iter().map(CertificateRecord::try_from).collect();
    Ok(CertificatePage::cut(records?, query.limit))
}

fn matching(query: &CertificateQuery, backend: DbBackend) -> Result<Condition, Error> {
    let holds = query.identifier.as_ref().map(|name| holds(name, backend));
    let asked_by = |who: &String| {
        Condition::any()
            .add(Column::Requester.eq(who))
            .add(Column::RequestedBy.eq(who))
    };
    let end = query.expires_before.map(Timestamp::unix_secs);
    let since = query.recorded_since.map(Timestamp::unix_secs);
    Ok(standing(query)
        .add_option(query.profile.as_ref().map(|it| Column::Profile.eq(it)))
        .add_option(query.issuer.as_ref().map(|it| Column::Issuer.eq(it)))
        .add_option(query.requester.as_ref().map(|it| Column::Requester.eq(it)))
        .add_option(query.requested_by.as_ref().map(asked_by))
        .add_option(end.map(|end| Column::NotAfter.lt(end)))
        .add_option(since.map(|since| Column::RecordedAt.gte(since)))
        .add_option(query.cursor.as_ref().map(after))
        .add_option(holds.transpose()?))
}

fn standing(query: &CertificateQuery) -> Condition {
    let moment = query.moment.unix_secs();
    let all = Condition::all();
    match query.status {
        None => all.add(Column::State.is_in([VALID, REVOKED])),
        Some(CertificateStatus::Valid) => all
            .add(Column::State.eq(VALID))
            .add(Column::NotAfter.gte(moment)),
        Some(CertificateStatus::Expired) => all
            .add(Column::State.eq(VALID))
            .add(Column::NotAfter.lt(moment)),
        Some(CertificateStatus::Revoked) => all.add(Column::State.eq(REVOKED)),
    }
}

fn after(cursor: &CertificateCursor) -> SimpleExpr {
    let place = [Column::Serial, Column::Issuer].map(Expr::col);
    Expr::tuple(place).lt(Expr::tuple([
        Expr::val(cursor.serial.as_be_bytes().to_vec()),
        Expr::val(cursor.issuer.clone()),
    ]))
}

/// Looks for the name's own JSON in the list's. Quotes inside a value are escaped, so the text
/// with its bare quotes stands nowhere but at a whole element.
fn holds(name: &Identifier, backend: DbBackend) -> Result<SimpleExpr, Error> {
    let element = row::json(&IdentifierRow::from(name))?;
    let position = match backend {
        DbBackend::Postgres => "strpos",
        DbBackend::Sqlite | DbBackend::MySql | _ => "instr",
    };
    let found = Func::cust(position)
        .arg(Expr::col(Column::Identifiers))
        .arg(element);
    Ok(Expr::from(found).gt(0))
}
