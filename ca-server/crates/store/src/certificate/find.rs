//! What finds certificates.

use std::time::Duration;

use ca_issuance::ledger::{CertificateRecord, Standing, Unfinished};
use ca_pki::{Serial, Timestamp};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::Error;
use crate::entity::certificate::{Column, Entity};
use crate::entity::issuer_counter;
use crate::point_reads::PointReads;
use crate::pool::Pool;
use crate::row::{counter, serial as serial_from};

/// Reads a certificate.
pub(crate) async fn by_serial(
    database: &PointReads,
    issuer: &str,
    serial: &Serial,
) -> Result<Option<CertificateRecord>, Error> {
    let row = database
        .one(Entity::find_by_id(key(issuer, serial)))
        .await?;
    row.map(CertificateRecord::try_from).transpose()
}

/// Reads where a certificate stands.
pub(crate) async fn standing(
    database: &PointReads,
    issuer: &str,
    serial: &Serial,
) -> Result<Option<Standing>, Error> {
    let values = [issuer.into(), serial.as_be_bytes().into()];
    let Some(row) = database.first(STANDING, values).await? else {
        return Ok(None);
    };
    let state: String = row.column(0)?;
    Ok(Some(Standing {
        state: super::state(&state, row.column(1)?, row.column(2)?)?,
        not_after: Timestamp::from_unix_secs(row.column(3)?),
    }))
}

/// Lists intents whose time is up, or cannot come up for so long that a clock was ahead when they
/// were recorded, oldest first.
pub(crate) async fn unfinished(
    database: &Pool,
    moment: Timestamp,
) -> Result<Vec<Unfinished>, Error> {
    let rows: Vec<(Vec<u8>, String, Option<String>)> = Entity::find()
        .select_only()
        .columns([Column::Serial, Column::Issuer, Column::OrderId])
        // A literal here and below, so that the partial indexes serve.
        .filter(Expr::cust("state = 'intended'"))
        .filter(
            Column::SettleAfter
                .lte(moment.unix_secs())
                .or(Column::SettleAfter.gt(moment.plus(LONGEST_ISSUANCE).unix_secs())),
        )
        .order_by_asc(Column::SettleAfter)
        .limit(MAX_UNFINISHED)
        .into_tuple()
        .all(database)
        .await?;
    let intents = rows.into_iter().map(|(serial, issuer, order)| {
        Ok(Unfinished {
            serial: serial_from(&serial)?,
            issuer,
            order,
        })
    });
    intents.collect()
}

/// Reads how often the issuer revoked or burned; 0 if never.
pub(crate) async fn revocation_epoch(database: &Pool, issuer: &str) -> Result<u64, Error> {
    let row = issuer_counter::Entity::find_by_id(issuer)
        .one(database)
        .await?;
    let value = row.map_or(0, |row| row.revocation_epoch);
    counter("issuer_counter.revocation_epoch", value)
}

fn key(issuer: &str, serial: &Serial) -> (String, Vec<u8>) {
    (issuer.to_owned(), serial.as_be_bytes().to_vec())
}

const STANDING: &str = "SELECT state, revoked_at, revocation_reason, not_after FROM certificate \
    WHERE issuer = $1 AND serial = $2";
const MAX_UNFINISHED: u64 = 1_000;
/// Far longer than any signature is waited for.
const LONGEST_ISSUANCE: Duration = Duration::from_secs(3_600);
