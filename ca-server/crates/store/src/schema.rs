//! The schema's version: migrating, and refusing to serve from any other.

use std::collections::BTreeSet;
use std::time::Duration;

use ca_migrations::Migrator;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, EntityTrait,
    QuerySelect, Statement,
};
use sea_orm_migration::{MigratorTrait, seaql_migrations};

use crate::Error;

/// Takes the missing steps; returns their names.
pub(crate) async fn migrate(url: &str) -> Result<Vec<String>, Error> {
    let database = connect(url).await?;
    refuse_newer(&database).await?;
    let missing = pending(&database).await?;
    let outcome = Migrator::up(&database, None).await;
    database.close().await?;
    outcome?;
    Ok(missing)
}

/// Takes every step back.
pub(crate) async fn reset(url: &str) -> Result<(), Error> {
    let database = connect(url).await?;
    let outcome = Migrator::reset(&database).await;
    database.close().await?;
    Ok(outcome?)
}

/// Refuses a schema that is not exactly this release's.
pub(crate) async fn check(database: &DatabaseConnection) -> Result<(), Error> {
    refuse_newer(database).await?;
    let pending = pending(database).await?;
    if pending.is_empty() {
        return Ok(());
    }
    Err(Error::NotMigrated { pending })
}

/// Lists the missing steps, without changing anything.
pub(crate) async fn pending(database: &DatabaseConnection) -> Result<Vec<String>, Error> {
    let applied = applied(database).await?;
    let mut steps = known();
    steps.retain(|step| !applied.contains(step));
    Ok(steps)
}

async fn refuse_newer(database: &DatabaseConnection) -> Result<(), Error> {
    let known: BTreeSet<String> = known().into_iter().collect();
    let applied = applied(database).await?;
    let unknown: Vec<String> = applied.difference(&known).cloned().collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Error::NewerSchema { unknown })
}

fn known() -> Vec<String> {
    let steps = Migrator::migrations();
    steps.iter().map(|step| step.name().to_owned()).collect()
}

async fn applied(database: &DatabaseConnection) -> Result<BTreeSet<String>, Error> {
    let manager = sea_orm_migration::SchemaManager::new(database);
    if !manager.has_table("seaql_migrations").await? {
        return Ok(BTreeSet::new());
    }
    let names: Vec<String> = seaql_migrations::Entity::find()
        .select_only()
        .column(seaql_migrations::Column::Version)
        .into_tuple()
        .all(database)
        .await?;
    Ok(names.into_iter().collect())
}

/// A connection of its own. On PostgreSQL it holds a lock while it lives, so that servers which
/// start together migrate one after the other; the second finds nothing to do.
async fn connect(url: &str) -> Result<DatabaseConnection, Error> {
    let mut single = ConnectOptions::new(url);
    single
        .max_connections(1)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(PATIENCE)
        .sqlx_logging(false);
    let database = Database::connect(single).await?;
    if database.get_database_backend() == DbBackend::Postgres {
        let lock = Statement::from_string(
            DbBackend::Postgres,
            format!("SELECT pg_advisory_lock({MIGRATION_LOCK})"),
        );
        database.execute_raw(lock).await?;
    }
    Ok(database)
}

const PATIENCE: Duration = Duration::from_secs(30);
const MIGRATION_LOCK: i64 = 0x6361_6d69_6772_6174; // "camigrat"
