//! What a CRL lists, from the index that holds it straight into DER.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ca_issuance::ledger::{RevocationSpan, Revocations};
use ca_pki::Timestamp;
use ca_pki::crl::{CrlEntries, RevocationReason};
use futures_util::TryStreamExt;
use rusqlite::Connection;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::time::timeout;

use super::reason;
use crate::Error;
use crate::database_file::DatabaseFile;
use crate::entity::certificate::{Column, Entity};
use crate::pool::Pool;
use crate::row::{counter, signed};

/// Adds the revocations of a span to a CRL's entries.
pub(crate) async fn collect(
    (database, file): (&Pool, Option<&Arc<DatabaseFile>>),
    issuer: &str,
    span: RevocationSpan,
    entries: CrlEntries,
) -> Result<Revocations, Error> {
    let collection = Collection {
        span,
        found: Revocations {
            entries,
            numbered: 0,
            first: None,
        },
    };
    let Some(file) = file.cloned() else {
        let begun = Instant::now();
        let streamed = timeout(LONGEST_SCAN, collection.stream(database, issuer)).await;
        return streamed.unwrap_or_else(|_elapsed| {
            database.doubt(begun);
            Err(Error::DeadlinePassed)
        });
    };
    let issuer = issuer.to_owned();
    let scanning = move || file.read(|connection| collection.scan(connection, &issuer));
    tokio::task::spawn_blocking(scanning)
        .await
        .map_err(|_interrupted| Error::Closed)?
}

struct Collection {
    span: RevocationSpan,
    found: Revocations,
}

/// What the index `certificate_revocation` holds.
struct Row<'a> {
    number: i64,
    not_after: i64,
    serial: &'a [u8],
    revoked_at: Option<i64>,
    reason: Option<i16>,
}

impl Collection {
    fn scan(mut self, connection: &Connection, issuer: &str) -> Result<Revocations, Error> {
        let (after, through) = self.bounds()?;
        let mut statement = connection.prepare(SCAN)?;
        let mut rows = statement.query((issuer, after, through))?;
        while let Some(row) = rows.next()? {
            self.add(&Row {
                number: row.get(0)?,
                not_after: row.get(1)?,
                serial: row.get_ref(2)?.as_blob().map_err(not_a_blob)?,
                revoked_at: row.get(3)?,
                reason: row.get(4)?,
            })?;
        }
        Ok(self.found)
    }

    async fn stream(mut self, database: &Pool, issuer: &str) -> Result<Revocations, Error> {
        let (after, through) = self.bounds()?;
        let connections = database.connections();
        let mut rows = Entity::find()
            .select_only()
            .columns(COLUMNS)
            .filter(Column::Issuer.eq(issuer))
            .filter(Column::RevocationNumber.gt(after))
            .filter(Column::RevocationNumber.lte(through))
            .order_by_asc(Column::RevocationNumber)
            .into_tuple::<(i64, i64, Vec<u8>, Option<i64>, Option<i16>)>()
            .stream(&connections)
            .await?;
        while let Some((number, not_after, serial, revoked_at, reason)) = rows.try_next().await? {
            self.add(&Row {
                number,
                not_after,
                serial: &serial,
                revoked_at,
                reason,
            })?;
        }
        drop(rows);
        Ok(self.found)
    }

    fn add(&mut self, row: &Row<'_>) -> Result<(), Error> {
        self.found.numbered += 1;
        if row.not_after < self.span.ended_before.unix_secs() {
            return Ok(());
        }
        if self.found.first.is_none() {
            self.found.first = Some(counter("certificate.revocation_number", row.number)?);
        }
        let revoked_at = row
            .revoked_at
            .ok_or_else(|| Error::Corrupt("revoked at no time".to_owned()))?;
        let reason = match row.reason {
            Some(_) => reason(row.reason)?,
            // Burned: nobody gave a reason.
            None => RevocationReason::Unspecified,
        };
        let revoked_at = Timestamp::from_unix_secs(revoked_at);
        self.found.entries.push(row.serial, revoked_at, reason);
        Ok(())
    }

    fn bounds(&self) -> Result<(i64, i64), Error> {
        let what = "certificate.revocation_number";
        Ok((
            signed(what, self.span.after)?,
            signed(what, self.span.through)?,
        ))
    }
}

fn not_a_blob(error: rusqlite::types::FromSqlError) -> Error {
    Error::Corrupt(format!("certificate.serial: {error}"))
}

const COLUMNS: [Column; 5] = [
    Column::RevocationNumber,
    Column::NotAfter,
    Column::Serial,
    Column::RevokedAt,
    Column::RevocationReason,
];

const SCAN: &str = "SELECT revocation_number, not_after, serial, revoked_at, revocation_reason \
    FROM certificate WHERE issuer = ?1 AND revocation_number > ?2 AND revocation_number <= ?3 \
    ORDER BY revocation_number";

/// The server ends the statement sooner, if it hears of it.
const LONGEST_SCAN: Duration = Duration::from_secs(60);
