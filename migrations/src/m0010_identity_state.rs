//! A mark that changes with every identity: who remembers what they were reads only the mark.
//!
//! Triggers change it, in the transaction of the change: nobody who writes to these tables can
//! forget to, not an older release beside this one and not a hand at a prompt. It is drawn, not
//! counted: a database that was put back to an earlier state never shows a mark again that stood
//! for another one.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{small_integer, text};
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut state = Table::create();
        state
            .table("identity_state")
            .col(small_integer("id").primary_key())
            .col(text("mark"));
        manager.create_table(state).await?;
        let backend = manager.get_database_backend();
        let database = manager.get_connection();
        let drawn = drawn(backend);
        let first = format!("INSERT INTO identity_state (id, mark) VALUES (1, {drawn})");
        database.execute_unprepared(&first).await?;
        if backend == DbBackend::Postgres {
            let function = format!(
                "CREATE FUNCTION mark_identity_state() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN UPDATE identity_state SET mark = {drawn}; RETURN NULL; END $$"
            );
            database.execute_unprepared(&function).await?;
        }
        for (table, change) in WATCHED {
            let trigger = trigger(backend, table, change);
            database.execute_unprepared(&trigger).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let database = manager.get_connection();
        for (table, change) in WATCHED {
            let name = trigger_name(table, change);
            let dropped = if backend == DbBackend::Sqlite {
                format!("DROP TRIGGER {name}")
            } else {
                format!("DROP TRIGGER {name} ON {table}")
            };
            database.execute_unprepared(&dropped).await?;
        }
        if backend == DbBackend::Postgres {
            let function = "DROP FUNCTION mark_identity_state()";
            database.execute_unprepared(function).await?;
        }
        let state = Table::drop().table("identity_state").take();
        manager.drop_table(state).await
    }
}

fn trigger(backend: DbBackend, table: &str, change: &str) -> String {
    let name = trigger_name(table, change);
    if backend == DbBackend::Sqlite {
        let drawn = drawn(backend);
        format!(
            "CREATE TRIGGER {name} AFTER {change} ON {table} \
             BEGIN UPDATE identity_state SET mark = {drawn}; END"
        )
    } else {
        format!(
            "CREATE TRIGGER {name} AFTER {change} ON {table} \
             FOR EACH STATEMENT EXECUTE FUNCTION mark_identity_state()"
        )
    }
}

fn trigger_name(table: &str, change: &str) -> String {
    format!("{table}_{}_marks", change.to_lowercase())
}

fn drawn(backend: DbBackend) -> &'static str {
    if backend == DbBackend::Sqlite {
        "hex(randomblob(16))"
    } else {
        "gen_random_uuid()::text"
    }
}

// What appears needs no mark where nobody remembers that it was not there: logins stay apart. A
// grant that appears belongs to a list.
const WATCHED: [(&str, &str); 7] = [
    ("session", "UPDATE"),
    ("session", "DELETE"),
    ("operator_token", "UPDATE"),
    ("operator_token", "DELETE"),
    ("api_grant", "INSERT"),
    ("api_grant", "UPDATE"),
    ("api_grant", "DELETE"),
];
