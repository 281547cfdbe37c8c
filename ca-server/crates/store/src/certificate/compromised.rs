//! Which keys were reported compromised: asked for each certificate, for many at once.

use std::collections::HashSet;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use crate::Error;
use crate::entity::certificate::{Column, Entity};
use crate::point_reads::PointReads;
use crate::pool::Pool;
use crate::read::GroupReader;

/// Tells whether a certificate with this key was revoked because the key is compromised.
pub(crate) async fn is_compromised(
    database: &PointReads,
    key_fingerprint: &[u8; 32],
) -> Result<bool, Error> {
    let values = [key_fingerprint.to_vec().into()];
    Ok(database.number(IS_COMPROMISED, values).await? > 0)
}

/// Starts what tells by a key's fingerprint whether a certificate with it was revoked because the
/// key is compromised.
pub(crate) fn start_reading_compromised(database: &Pool) -> GroupReader<[u8; 32], bool> {
    let database = database.clone();
    GroupReader::start(move |fingerprints: Vec<[u8; 32]>| {
        let database = database.clone();
        async move {
            let found = compromised_of(&database, &fingerprints).await?;
            let is_found = |one: &[u8; 32]| found.contains(one.as_slice());
            Ok(fingerprints.iter().map(is_found).collect())
        }
    })
}

async fn compromised_of(
    database: &Pool,
    fingerprints: &[[u8; 32]],
) -> Result<HashSet<Vec<u8>>, Error> {
    let found: Vec<Vec<u8>> = Entity::find()
        .select_only()
        .column(Column::KeyFingerprint)
        .filter(Column::KeyFingerprint.is_in(padded(fingerprints)))
        // A literal, so that the partial index serves.
        .filter(Expr::cust("revocation_reason = 1"))
        .into_tuple()
        .all(database)
        .await?;
    Ok(found.into_iter().collect())
}

/// Repeats the last until their number is a power of two: a handful of statements to prepare, not
/// one for each number.
fn padded(fingerprints: &[[u8; 32]]) -> impl Iterator<Item = Vec<u8>> {
    let wanted = fingerprints.len().next_power_of_two();
    let missing = wanted - fingerprints.len();
    let repeated = fingerprints.last().into_iter().cycle().take(missing);
    fingerprints.iter().chain(repeated).map(|one| one.to_vec())
}

// A literal, so that the partial index serves.
const IS_COMPROMISED: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM certificate \
     WHERE key_fingerprint = $1 AND revocation_reason = 1 LIMIT 1) AS one";
