//! ACME accounts and the external account keys that bind them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, blob, boolean, text, text_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(account()).await?;
        manager.create_index(one_account_per_key()).await?;
        manager.create_table(external_account_key()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["external_account_key", "account"] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}

fn account() -> TableCreateStatement {
    Table::create()
        .table("account")
        .col(text("id").primary_key())
        .col(text("directory"))
        .col(text("status"))
        .col(text("jwk"))
        .col(text("thumbprint"))
        .col(text("contacts"))
        .col(boolean("terms_agreed"))
        .col(text_null("external_account"))
        .col(text_null("external_binding"))
        .col(big_integer("created_at"))
        .take()
}

// Whatever the status: a deactivated account's key stays taken (RFC 8555 §7.3.6).
fn one_account_per_key() -> IndexCreateStatement {
    Index::create()
        .name("account_key")
        .table("account")
        .col("directory")
        .col("thumbprint")
        .unique()
        .take()
}

fn external_account_key() -> TableCreateStatement {
    Table::create()
        .table("external_account_key")
        .col(text("kid").primary_key())
        .col(blob("mac_key"))
        .col(text_null("directory"))
        .col(text("comment"))
        .col(boolean("single_use"))
        .col(big_integer_null("expires_at"))
        .col(big_integer_null("revoked_at"))
        .col(big_integer_null("used_at"))
        .col(big_integer("created_at"))
        .take()
}
