//! Audit events found by time, checkpoints that name their key, and how far the log was exported.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, text};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_index(moments()).await?;
        manager
            .alter_table(
                Table::alter()
                    .table("audit_checkpoint")
                    .add_column(text("key").default(""))
                    .take(),
            )
            .await?;
        manager.create_table(audit_export()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("audit_export").take())
            .await?;
        manager
            .alter_table(
                Table::alter()
                    .table("audit_checkpoint")
                    .drop_column("key")
                    .take(),
            )
            .await?;
        manager
            .drop_index(
                Index::drop()
                    .name("audit_event_at")
                    .table("audit_event")
                    .to_owned(),
            )
            .await
    }
}

// Events are written in the order of time, near enough: the index grows at its end.
fn moments() -> IndexCreateStatement {
    Index::create()
        .name("audit_event_at")
        .table("audit_event")
        .col("at")
        .col("sequence")
        .take()
}

// `position` is the last one that the receiver is known to have.
fn audit_export() -> TableCreateStatement {
    Table::create()
        .table("audit_export")
        .col(text("receiver").primary_key())
        .col(big_integer("position"))
        .take()
}
