//! Audit events, their chain and its signed checkpoints.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, blob, blob_null, text};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(audit_event()).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        manager.create_table(audit_checkpoint()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["audit_checkpoint", "audit_event"] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}

// `sequence` is drawn when the event is written; on PostgreSQL a lower one may be committed after
// a higher one, so the chain has a `position` of its own, given by the sealer.
fn audit_event() -> TableCreateStatement {
    Table::create()
        .table("audit_event")
        .col(big_integer("sequence").primary_key().auto_increment())
        .col(big_integer("at"))
        .col(text("kind"))
        .col(text("actor"))
        .col(text("subject"))
        .col(text("details"))
        .col(big_integer_null("position"))
        .col(blob_null("hash"))
        .take()
}

fn indexes() -> [IndexCreateStatement; 2] {
    [
        Index::create()
            .name("audit_event_position")
            .table("audit_event")
            .col("position")
            .unique()
            .and_where(Expr::col("position").is_not_null())
            .take(),
        Index::create()
            .name("audit_event_unsealed")
            .table("audit_event")
            .col("sequence")
            .and_where(Expr::col("position").is_null())
            .take(),
    ]
}

fn audit_checkpoint() -> TableCreateStatement {
    Table::create()
        .table("audit_checkpoint")
        .col(big_integer("position").primary_key())
        .col(blob("hash"))
        .col(big_integer("at"))
        .col(blob("signature"))
        .take()
}
