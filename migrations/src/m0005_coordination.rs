//! What servers share beside their subjects: redeemed nonces, leases, secrets.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, blob, text};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(redeemed_nonce()).await?;
        manager.create_index(nonce_end()).await?;
        manager.create_table(lease()).await?;
        manager.create_table(shared_secret()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["shared_secret", "lease", "redeemed_nonce"] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}

fn redeemed_nonce() -> TableCreateStatement {
    Table::create()
        .table("redeemed_nonce")
        .col(text("nonce").primary_key())
        .col(big_integer("expires_at"))
        .take()
}

fn nonce_end() -> IndexCreateStatement {
    Index::create()
        .name("redeemed_nonce_end")
        .table("redeemed_nonce")
        .col("expires_at")
        .take()
}

fn lease() -> TableCreateStatement {
    Table::create()
        .table("lease")
        .col(text("work").primary_key())
        .col(text("holder"))
        .col(big_integer("fencing"))
        .col(big_integer("expires_at"))
        .take()
}

fn shared_secret() -> TableCreateStatement {
    Table::create()
        .table("shared_secret")
        .col(text("name").primary_key())
        .col(blob("value"))
        .take()
}
