//! What changes speak to: the transaction of their group.
//!
//! The swift one runs each statement on the writer's own thread, and knows only the statements
//! below ([`Transaction::run`] and its neighbours). The other goes through the pool, knows every
//! statement and has savepoints.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, ExecResult, Iterable,
    QueryResult, QuerySelect, QueryTrait, Select, Statement, TryIntoModel, Value,
};

use crate::Error;
use crate::pool::PoolTransaction;
use crate::sqlite::{self, Row, not_here};

/// A transaction under way, or a savepoint in one. Dropped unfinished, it is undone.
pub(crate) enum Transaction {
    /// On the calling thread; has no savepoints.
    Swift(sqlite::Transaction),
    /// Through the pool.
    Pooled(Pooled),
}

/// A transaction through the pool.
pub(crate) struct Pooled {
    inner: PoolTransaction,
    /// What its changes leave to be written at its end, in one statement.
    gathered: Option<Mutex<Vec<Gathered>>>,
}

/// A row that nothing in its transaction reads or refers to.
pub(crate) type Gathered = serde_json::Value;

/// What others do while a transaction runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Others {
    /// They wait for its end: no row needs to be locked.
    Wait,
    /// They write: a row that must stay as it was read is locked.
    Write,
}

impl Transaction {
    /// Takes a transaction of the pool.
    pub(crate) fn plain(inner: PoolTransaction) -> Self {
        let gathered = None;
        Self::Pooled(Pooled { inner, gathered })
    }

    /// Takes a transaction of the pool whose changes leave rows for its end.
    pub(crate) fn gathering(inner: PoolTransaction) -> Self {
        let gathered = Some(Mutex::default());
        Self::Pooled(Pooled { inner, gathered })
    }

    /// Begins a part that can be undone by itself.
    pub(crate) async fn savepoint(&self) -> Result<Self, DbErr> {
        self.pooled()?.savepoint().await.map(Self::plain)
    }

    /// Tells whether rows that nothing refers to are gathered for its end.
    pub(crate) fn gathers(&self) -> bool {
        match self {
            Self::Swift(_) => false,
            Self::Pooled(transaction) => transaction.gathered.is_some(),
        }
    }

    /// Keeps a row for the end of the transaction.
    pub(crate) fn gather(&self, row: Gathered) {
        if let Self::Pooled(transaction) = self
            && let Some(gathered) = &transaction.gathered
        {
            let mut rows = gathered.lock().unwrap_or_else(PoisonError::into_inner);
            rows.push(row);
        }
    }

    /// Hands out what was gathered.
    pub(crate) fn take_gathered(&self) -> Vec<Gathered> {
        match self {
            Self::Swift(_) => Vec::new(),
            Self::Pooled(transaction) => {
                let Some(gathered) = &transaction.gathered else {
                    return Vec::new();
                };
                std::mem::take(&mut *gathered.lock().unwrap_or_else(PoisonError::into_inner))
            }
        }
    }

    /// Makes it durable; a part becomes part of the whole.
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        match self {
            Self::Swift(transaction) => transaction.commit(),
            Self::Pooled(transaction) => transaction.inner.commit().await,
        }
    }

    /// Undoes it.
    pub(crate) async fn rollback(self) -> Result<(), DbErr> {
        match self {
            Self::Swift(transaction) => transaction.rollback(),
            Self::Pooled(transaction) => transaction.inner.rollback().await,
        }
    }

    /// Runs a statement and returns how many rows it changed.
    ///
    /// One text serves both databases. Its placeholders are `$1`, `$2`…, each used first in this
    /// order, because SQLite counts them so.
    pub(crate) async fn run<const N: usize>(
        &self,
        sql: &str,
        values: [Value; N],
    ) -> Result<u64, Error> {
        match self {
            Self::Swift(transaction) => Ok(transaction.execute(sql, &values)?),
            Self::Pooled(Pooled { inner, .. }) => {
                let backend = inner.get_database_backend();
                let statement = Statement::from_sql_and_values(backend, sql, values);
                Ok(inner.execute_raw(statement).await?.rows_affected())
            }
        }
    }

    /// Runs a statement as [`Transaction::run`] does, and returns the first column of each row,
    /// a text.
    pub(crate) async fn texts<const N: usize>(
        &self,
        sql: &str,
        values: [Value; N],
    ) -> Result<Vec<Option<String>>, Error> {
        match self {
            Self::Swift(transaction) => {
                let rows = transaction.query(sql, &values)?;
                rows.into_iter().map(text).collect()
            }
            Self::Pooled(Pooled { inner, .. }) => {
                let backend = inner.get_database_backend();
                let statement = Statement::from_sql_and_values(backend, sql, values);
                let rows = inner.query_all_raw(statement).await?;
                let texts = rows.iter().map(|row| row.try_get_by_index(0));
                Ok(texts.collect::<Result<_, _>>()?)
            }
        }
    }

    /// Runs a statement that was built, and returns how many rows it changed.
    pub(crate) async fn run_built<Q>(&self, query: Q) -> Result<u64, Error>
    where
        Q: QueryTrait,
    {
        let statement = query.build(self.get_database_backend());
        drop(query);
        match self {
            Self::Swift(transaction) => {
                Ok(transaction.execute(&statement.sql, values(&statement))?)
            }
            Self::Pooled(Pooled { inner, .. }) => {
                Ok(inner.execute_raw(statement).await?.rows_affected())
            }
        }
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
        match self {
            Self::Swift(transaction) => {
                let statement = select.build(DbBackend::Sqlite);
                let rows = transaction.query(&statement.sql, values(&statement))?;
                Ok(models::<E>(rows)?)
            }
            Self::Pooled(transaction) => Ok(select.all(&transaction.inner).await?),
        }
    }

    /// Tells who else may write while it runs.
    pub(crate) fn others(&self) -> Others {
        if self.get_database_backend() == DbBackend::Sqlite {
            return Others::Wait;
        }
        Others::Write
    }
}

/// Puts whole rows together from their values, which are in the order of the entity's columns.
pub(crate) fn models<E>(rows: Vec<Row>) -> Result<Vec<E::Model>, DbErr>
where
    E: EntityTrait,
    E::ActiveModel: TryIntoModel<E::Model>,
{
    rows.into_iter().map(model::<E>).collect()
}

/// Puts one whole row together.
pub(crate) fn model<E>(row: Row) -> Result<E::Model, DbErr>
where
    E: EntityTrait,
    E::ActiveModel: TryIntoModel<E::Model>,
{
    let mut model = <E::ActiveModel as ActiveModelTrait>::default();
    for (column, value) in E::Column::iter().zip(row) {
        model.try_set(column, value)?;
    }
    model.try_into_model()
}

/// Returns what a statement binds.
pub(crate) fn values(statement: &Statement) -> &[Value] {
    let values = statement.values.as_ref();
    values.map_or(&[], |values| values.0.as_slice())
}

fn text(row: Row) -> Result<Option<String>, Error> {
    match row.into_iter().next() {
        Some(Value::String(text)) => Ok(text),
        // What is nothing has no type where its column was not declared.
        Some(Value::BigInt(None)) | None => Ok(None),
        Some(_) => Err(Error::Corrupt(
            "a text column holds something else".to_owned(),
        )),
    }
}

/// Every other statement: only the pool takes it.
#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::Swift(_) => DbBackend::Sqlite,
            Self::Pooled(transaction) => transaction.inner.get_database_backend(),
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.pooled()?.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.pooled()?.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.pooled()?.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.pooled()?.query_all_raw(statement).await
    }
}

impl Transaction {
    /// In the swift way such a statement fails; the group then runs again through the pool.
    fn pooled(&self) -> Result<&PoolTransaction, DbErr> {
        match self {
            Self::Swift(_) => Err(not_here()),
            Self::Pooled(transaction) => Ok(&transaction.inner),
        }
    }
}
