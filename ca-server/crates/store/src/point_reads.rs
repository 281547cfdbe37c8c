//! Reads of single rows, by a key or an index that leads to few.

use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;

use sea_orm::sea_query::ValueType;
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, QueryResult, QuerySelect,
    QueryTrait, Select, Statement, TryGetable, TryIntoModel, Value,
};
#[cfg(test)]
use sea_orm::{IdenStatic, Iterable};

use crate::Error;
use crate::pool::Pool;
use crate::sqlite::{Local, Role, Row, is_busy};
use crate::transaction::{model, models, values};

/// Where single rows are read.
///
/// On a file the calling thread reads by itself: a few pages that are nearly always in memory
/// cost less than waking another thread. If another process holds the file, or all connections
/// are in use, the pool reads, so that the caller's thread never waits for a lock.
#[derive(Clone)]
pub(crate) struct PointReads {
    local: Arc<[Local]>,
    pool: Pool,
}

/// A row of some columns, wherever it was read.
pub(crate) enum Found {
    /// On the calling thread.
    Here(Row),
    /// Through the pool.
    Pooled(QueryResult),
}

impl PointReads {
    /// Reads a file: one connection for each thread that may read at once.
    pub(crate) fn of_file(file: &Path, pool: &Pool) -> Result<Self, DbErr> {
        let threads = available_parallelism().map_or(1, usize::from);
        let local = (0..threads.min(MOST_CONNECTIONS)).map(|_| Local::open(file, Role::Reads));
        Ok(Self {
            local: local.collect::<Result<Vec<_>, _>>()?.into(),
            pool: pool.clone(),
        })
    }

    /// Reads through the pool.
    pub(crate) fn of_pool(pool: &Pool) -> Self {
        Self {
            local: Arc::default(),
            pool: pool.clone(),
        }
    }

    /// Closes the connections, but for the pool.
    pub(crate) fn close(&self) {
        for local in self.local.iter() {
            if let Err(error) = local.close() {
                tracing::warn!(%error, "a connection of the store did not close");
            }
        }
    }

    /// Tells whether the calling thread reads: else a read is worth sharing.
    pub(crate) fn is_local(&self) -> bool {
        !self.local.is_empty()
    }

    /// Reads the first row that a selection of whole rows finds.
    pub(crate) async fn one<E>(&self, select: Select<E>) -> Result<Option<E::Model>, Error>
    where
        E: EntityTrait,
        E::ActiveModel: TryIntoModel<E::Model>,
    {
        Ok(self.all(select.limit(1)).await?.pop())
    }

    /// Reads every row that a selection of whole rows finds.
    pub(crate) async fn all<E>(&self, select: Select<E>) -> Result<Vec<E::Model>, Error>
    where
        E: EntityTrait,
        E::ActiveModel: TryIntoModel<E::Model>,
    {
        if self.is_local() {
            let statement = select.build(DbBackend::Sqlite);
            if let Some(rows) = self.here(&statement.sql, values(&statement)) {
                return Ok(models::<E>(rows?)?);
            }
        }
        Ok(select.all(&self.pool).await?)
    }

    /// Reads one number; 0 where there is no row. Placeholders are as in
    /// [`Transaction::run`](crate::transaction::Transaction::run).
    pub(crate) async fn number<const N: usize>(
        &self,
        sql: &str,
        values: [Value; N],
    ) -> Result<i64, Error> {
        match self.first(sql, values).await? {
            Some(row) => row.column(0),
            None => Ok(0),
        }
    }

    /// Reads the one row that a statement finds. Placeholders are as in
    /// [`Transaction::run`](crate::transaction::Transaction::run); a text that is always the same
    /// costs nothing to build, and a few columns less to read than whole rows.
    pub(crate) async fn first<const N: usize>(
        &self,
        sql: &str,
        values: [Value; N],
    ) -> Result<Option<Found>, Error> {
        if let Some(rows) = self.here(sql, &values) {
            return Ok(rows?.pop().map(Found::Here));
        }
        let backend = self.pool.get_database_backend();
        let statement = Statement::from_sql_and_values(backend, sql, values);
        let row = self.pool.query_one_raw(statement).await?;
        Ok(row.map(Found::Pooled))
    }

    /// Reads on the calling thread; `None` if the pool has to.
    fn here(&self, sql: &str, bound: &[Value]) -> Option<Result<Vec<Row>, DbErr>> {
        let mut connections = self.local.iter();
        let read = connections.find_map(|one| one.try_query(sql, bound))?;
        match &read {
            Err(error) if is_busy(error) => None,
            Ok(_) | Err(_) => Some(read),
        }
    }
}

impl Found {
    /// Puts a whole row together: the statement names every column of the entity, in their order.
    pub(crate) fn model<E>(self) -> Result<E::Model, Error>
    where
        E: EntityTrait,
        E::ActiveModel: TryIntoModel<E::Model>,
    {
        match self {
            Self::Here(row) => Ok(model::<E>(row)?),
            Self::Pooled(row) => Ok(E::Model::from_query_result(&row, "")?),
        }
    }

    /// Reads a column by its place among those that the statement names.
    pub(crate) fn column<T: TryGetable + ValueType>(&self, place: usize) -> Result<T, Error> {
        match self {
            Self::Here(row) => row
                .get(place)
                .and_then(|value| T::try_from(value.clone()).ok())
                .ok_or_else(|| Error::Corrupt(format!("column {place} is something else"))),
            Self::Pooled(row) => Ok(row.try_get_by_index(place)?),
        }
    }
}

/// Tells whether a text reads whole rows as [`Found::model`] takes them.
#[cfg(test)]
pub(crate) fn reads_every_column<E: EntityTrait>(sql: &str) -> bool {
    let columns: Vec<&str> = E::Column::iter().map(|column| column.as_str()).collect();
    sql.starts_with(&format!("SELECT {} FROM", columns.join(", ")))
}

/// Each keeps pages in memory.
const MOST_CONNECTIONS: usize = 4;
