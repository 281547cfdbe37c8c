//! Reads of single rows, by a key or an index that leads to few.

use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, EntityTrait, QuerySelect, QueryTrait, Select, Statement,
    TryIntoModel, Value,
};

use crate::Error;
use crate::pool::Pool;
use crate::sqlite::{Local, Role, Row, is_busy};
use crate::transaction::{models, values};

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
        match self.here(|| select.build(DbBackend::Sqlite)) {
            Some(rows) => Ok(models::<E>(rows?)?),
            None => Ok(select.all(&self.pool).await?),
        }
    }

    /// Reads one number; 0 where there is no row. Placeholders are as in
    /// [`Transaction::run`](crate::transaction::Transaction::run).
    pub(crate) async fn number<const N: usize>(
        &self,
        sql: &str,
        values: [Value; N],
    ) -> Result<i64, Error> {
        let statement =
            Statement::from_sql_and_values(self.pool.get_database_backend(), sql, values);
        let Some(rows) = self.here(|| statement.clone()) else {
            let row = self.pool.query_one_raw(statement).await?;
            return Ok(row
                .map(|row| row.try_get_by_index(0))
                .transpose()?
                .unwrap_or(0));
        };
        match rows?.pop().and_then(|row| row.into_iter().next()) {
            Some(Value::BigInt(number)) => Ok(number.unwrap_or(0)),
            Some(_) => Err(Error::Corrupt("a number is something else".to_owned())),
            None => Ok(0),
        }
    }

    /// Reads on the calling thread; `None` if the pool has to.
    fn here(&self, statement: impl FnOnce() -> Statement) -> Option<Result<Vec<Row>, DbErr>> {
        if !self.is_local() {
            return None;
        }
        let statement = statement();
        let bound = values(&statement);
        let mut connections = self.local.iter();
        let read = connections.find_map(|one| one.try_query(&statement.sql, bound))?;
        match &read {
            Err(error) if is_busy(error) => None,
            Ok(_) | Err(_) => Some(read),
        }
    }
}

/// Each keeps pages in memory.
const MOST_CONNECTIONS: usize = 4;
