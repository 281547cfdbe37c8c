//! Values between sea-orm and SQLite.
//!
//! SQLite types values, not columns; rows are read by the type that their column was declared
//! with, as the pool's driver reads them.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Row, Statement, ToSql};
use sea_orm::{DbErr, Value};

use super::Row as Values;
use super::fault::db_err;

/// What a result column was declared as.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Integer,
    Small,
    Boolean,
    Text,
    Octets,
    /// An expression: as its value is.
    Undeclared,
}

/// Binds values to a statement's parameters, in their order.
pub(super) fn bind(statement: &mut Statement<'_>, values: &[Value]) -> rusqlite::Result<()> {
    for (index, value) in (1..).zip(values) {
        statement.raw_bind_parameter(index, Bound(value))?;
    }
    Ok(())
}

/// Lists what a statement returns.
pub(super) fn columns(statement: &Statement<'_>) -> Vec<Kind> {
    let columns = statement.columns();
    let declared = columns.iter().map(|one| Kind::declared(one.decl_type()));
    declared.collect()
}

/// Reads a row.
pub(super) fn row(row: &Row<'_>, columns: &[Kind]) -> Result<Values, DbErr> {
    let values = columns.iter().enumerate().map(|(index, kind)| {
        let value = row.get_ref(index).map_err(db_err)?;
        kind.read(value).ok_or_else(|| unreadable(index))
    });
    values.collect()
}

impl Kind {
    fn declared(name: Option<&str>) -> Self {
        let Some(name) = name else {
            return Self::Undeclared;
        };
        let is = |names: &[&str]| names.iter().any(|one| name.eq_ignore_ascii_case(one));
        if is(&["bigint", "integer"]) {
            Self::Integer
        } else if is(&["smallint"]) {
            Self::Small
        } else if is(&["boolean"]) {
            Self::Boolean
        } else if is(&["blob"]) {
            Self::Octets
        } else if is(&["text", "varchar"]) {
            Self::Text
        } else {
            Self::Undeclared
        }
    }

    fn read(self, value: ValueRef<'_>) -> Option<Value> {
        let read = match (self, value) {
            (Self::Integer, ValueRef::Null) => Value::BigInt(None),
            (Self::Small, ValueRef::Null) => Value::SmallInt(None),
            (Self::Boolean, ValueRef::Null) => Value::Bool(None),
            (Self::Text, ValueRef::Null) => Value::String(None),
            (Self::Octets, ValueRef::Null) => Value::Bytes(None),
            (Self::Undeclared, ValueRef::Null) => Value::BigInt(None),
            (Self::Integer | Self::Undeclared, ValueRef::Integer(number)) => {
                Value::BigInt(Some(number))
            }
            (Self::Small, ValueRef::Integer(number)) => {
                Value::SmallInt(Some(i16::try_from(number).ok()?))
            }
            (Self::Boolean, ValueRef::Integer(number)) => Value::Bool(Some(number != 0)),
            (Self::Text | Self::Undeclared, ValueRef::Text(octets)) => {
                Value::String(Some(std::str::from_utf8(octets).ok()?.to_owned()))
            }
            (Self::Octets, ValueRef::Blob(octets) | ValueRef::Text(octets))
            | (Self::Undeclared, ValueRef::Blob(octets)) => Value::Bytes(Some(octets.to_vec())),
            (
                Self::Integer | Self::Boolean | Self::Small,
                ValueRef::Text(_) | ValueRef::Blob(_),
            )
            | (Self::Text, ValueRef::Integer(_) | ValueRef::Blob(_))
            | (Self::Octets, ValueRef::Integer(_))
            | (_, ValueRef::Real(_)) => return None,
        };
        Some(read)
    }
}

fn unreadable(index: usize) -> DbErr {
    DbErr::Type(format!("column {index} of a row does not read back"))
}

/// A value on its way into a statement.
struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = if let Value::String(text) = self.0 {
            text.as_deref().map(|text| ValueRef::Text(text.as_bytes()))
        } else if let Value::BigInt(number) = self.0 {
            number.map(ValueRef::Integer)
        } else if let Value::Bytes(octets) = self.0 {
            octets.as_deref().map(ValueRef::Blob)
        } else if let Value::Bool(truth) = self.0 {
            truth.map(|truth| ValueRef::Integer(truth.into()))
        } else if let Value::Int(number) = self.0 {
            number.map(|number| ValueRef::Integer(number.into()))
        } else if let Value::SmallInt(number) = self.0 {
            number.map(|number| ValueRef::Integer(number.into()))
        } else if let Value::BigUnsigned(number) = self.0 {
            number
                .map(i64::try_from)
                .transpose()
                .map_err(unfit)?
                .map(ValueRef::Integer)
        } else {
            return Err(unfit(NoSuchType));
        };
        Ok(ToSqlOutput::Borrowed(value.unwrap_or(ValueRef::Null)))
    }
}

/// No column of ours holds a value of such a type.
#[derive(Debug, thiserror::Error)]
#[error("no column holds a value of this type")]
struct NoSuchType;

fn unfit(error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    fn table() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        let table = "CREATE TABLE t (n bigint, s smallint, b boolean, t text, o blob)";
        connection.execute(table, []).unwrap();
        connection
    }

    fn read(connection: &Connection, sql: &str) -> Result<Values, DbErr> {
        let mut statement = connection.prepare(sql).unwrap();
        let columns = columns(&statement);
        let mut rows = statement.raw_query();
        row(rows.next().unwrap().unwrap(), &columns)
    }

    #[test]
    fn what_was_bound_reads_back_by_the_declared_type_of_its_column() {
        let connection = table();
        let values = [
            Value::BigInt(Some(i64::MIN)),
            Value::SmallInt(Some(-7)),
            Value::Bool(Some(true)),
            Value::String(Some("a\0ü".to_owned())),
            Value::Bytes(Some(vec![0, 255])),
        ];

        let mut insert = connection
            .prepare("INSERT INTO t VALUES ($1, $2, $3, $4, $5)")
            .unwrap();
        bind(&mut insert, &values).unwrap();
        insert.raw_execute().unwrap();
        let row = read(&connection, "SELECT n, s, b, t, o FROM t").unwrap();

        assert_eq!(row, values);
    }

    #[test]
    fn nothing_reads_back_as_nothing_of_the_declared_type() {
        let connection = table();
        connection
            .execute("INSERT INTO t DEFAULT VALUES", [])
            .unwrap();

        let row = read(&connection, "SELECT n, s, b, t, o FROM t").unwrap();

        let nothing = [
            Value::BigInt(None),
            Value::SmallInt(None),
            Value::Bool(None),
            Value::String(None),
            Value::Bytes(None),
        ];
        assert_eq!(row, nothing);
    }

    #[test]
    fn a_value_of_another_type_than_its_column_does_not_read_back() {
        let connection = table();
        for wrong in [
            "(s) VALUES (70000)",
            "(n) VALUES ('x')",
            "(t) VALUES (x'00')",
        ] {
            connection.execute("DELETE FROM t", []).unwrap();
            connection
                .execute(&format!("INSERT INTO t {wrong}"), [])
                .unwrap();

            let unread = read(&connection, "SELECT * FROM t");

            assert!(matches!(unread, Err(DbErr::Type(_))), "{wrong}");
        }
    }

    #[test]
    fn a_value_that_no_column_holds_is_refused() {
        let connection = table();
        let mut insert = connection.prepare("INSERT INTO t (n) VALUES ($1)").unwrap();

        assert!(bind(&mut insert, &[Value::Double(Some(0.5))]).is_err());
    }
}
