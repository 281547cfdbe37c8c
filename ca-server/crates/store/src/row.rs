//! Rows in general: inserting one, and reading columns of JSON text, moments, counters, states.

use ca_pki::{Serial, Timestamp};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, ModelTrait};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::transaction::Transaction;

/// Inserts a row with every column as given.
pub(crate) async fn insert<M>(transaction: &Transaction, row: M) -> Result<(), Error>
where
    M: ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
    <M::Entity as EntityTrait>::ActiveModel: Send,
{
    let row = row.into_active_model().reset_all();
    let insert = <M::Entity as EntityTrait>::insert(row);
    transaction.run_built(insert).await?;
    Ok(())
}

/// Tells whether a column can hold a text: none on PostgreSQL holds NUL, and asking for one fails.
pub(crate) fn can_hold(unverified: &str) -> bool {
    !unverified.contains('\0')
}

/// Writes a value as JSON text.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Corrupt(error.to_string()))
}

/// Reads a value from JSON text; `what` names it if it does not read back.
pub(crate) fn unjson<'a, T: Deserialize<'a>>(what: &str, text: &'a str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::Corrupt(format!("{what}: {error}")))
}

/// Reads a moment that may be missing.
pub(crate) fn moment(secs: Option<i64>) -> Option<Timestamp> {
    secs.map(Timestamp::from_unix_secs)
}

/// Reads a counter, which is never negative.
pub(crate) fn counter(what: &str, value: i64) -> Result<u64, Error> {
    u64::try_from(value).map_err(|_| Error::Corrupt(format!("{what} is negative: {value}")))
}

/// Writes a counter.
pub(crate) fn signed(what: &str, value: u64) -> Result<i64, Error> {
    i64::try_from(value).map_err(|_| Error::Corrupt(format!("{what} is too large: {value}")))
}

/// Reads a serial number.
pub(crate) fn serial(octets: &[u8]) -> Result<Serial, Error> {
    Serial::from_be_bytes(octets).map_err(|error| Error::Corrupt(error.to_string()))
}

/// Reads octets of a fixed length.
pub(crate) fn octets<const N: usize>(what: &str, value: &[u8]) -> Result<[u8; N], Error> {
    let length = value.len();
    let octets = value.try_into();
    octets.map_err(|_| Error::Corrupt(format!("{what} has {length} octets")))
}

/// Reads the name of a state.
pub(crate) fn named<T: Copy>(what: &str, names: &[(T, &str)], text: &str) -> Result<T, Error> {
    let found = names.iter().find(|(_, name)| *name == text);
    let state = found.map(|(state, _)| *state);
    state.ok_or_else(|| Error::Corrupt(format!("{what} is {text:?}")))
}
