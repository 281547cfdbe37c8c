//! Who asks: sessions, clients, operator tokens, used tokens, grants; and for whom ACME acts.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, blob, blob_null, text, text_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            session(),
            refresh_token(),
            client(),
            operator_token(),
            used_token(),
            api_grant(),
        ];
        for table in tables {
            manager.create_table(table).await?;
        }
        for (table, column) in ACTS_FOR {
            let mut added = Table::alter();
            added.table(table).add_column(text_null(column));
            manager.alter_table(added).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, table) in LISTS {
            let mut index = Index::drop();
            index.name(name).table(table);
            manager.drop_index(index).await?;
        }
        for (table, column) in ACTS_FOR {
            let mut dropped = Table::alter();
            dropped.table(table).drop_column(column);
            manager.alter_table(dropped).await?;
        }
        for table in [
            "api_grant",
            "used_token",
            "operator_token",
            "client",
            "refresh_token",
            "session",
        ] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}

// `client` repeats what `principal` says: removing a client ends its sessions. It refers to no
// row on purpose: an ended session outlives its client until it is pruned.
fn session() -> TableCreateStatement {
    Table::create()
        .table("session")
        .col(text("id").primary_key())
        .col(text("principal"))
        .col(text_null("client"))
        .col(blob_null("certificate_thumbprint"))
        .col(big_integer("created_at"))
        .col(big_integer("expires_at"))
        .col(big_integer_null("revoked_at"))
        .take()
}

fn refresh_token() -> TableCreateStatement {
    Table::create()
        .table("refresh_token")
        .col(blob("hash").primary_key())
        .col(text("session"))
        .col(big_integer("expires_at"))
        .col(big_integer_null("used_at"))
        .foreign_key(
            ForeignKey::create()
                .from("refresh_token", "session")
                .to("session", "id"),
        )
        .take()
}

fn client() -> TableCreateStatement {
    Table::create()
        .table("client")
        .col(text("id").primary_key())
        .col(text("secret_hash"))
        .col(text_null("role"))
        .col(text("comment"))
        .col(big_integer("created_at"))
        .col(big_integer_null("last_used_at"))
        .take()
}

fn operator_token() -> TableCreateStatement {
    Table::create()
        .table("operator_token")
        .col(text("id").primary_key())
        .col(blob("hash").unique_key())
        .col(text("name"))
        .col(text("role"))
        .col(big_integer("created_at"))
        .col(big_integer_null("expires_at"))
        .col(big_integer_null("revoked_at"))
        .take()
}

// Issuers choose the ids of their tokens, of any length: the row keeps the hash of one.
fn used_token() -> TableCreateStatement {
    Table::create()
        .table("used_token")
        .col(text("provider"))
        .col(blob("token"))
        .col(big_integer("expires_at"))
        .primary_key(Index::create().col("provider").col("token"))
        .take()
}

fn api_grant() -> TableCreateStatement {
    Table::create()
        .table("api_grant")
        .col(text("name").primary_key())
        .col(text("terms"))
        .col(big_integer("expires_at"))
        .take()
}

fn indexes() -> Vec<IndexCreateStatement> {
    let mut indexes = vec![
        Index::create()
            .name("session_of_client")
            .table("session")
            .col("client")
            .and_where(Expr::col("client").is_not_null())
            .take(),
        Index::create()
            .name("session_end")
            .table("session")
            .col("expires_at")
            .take(),
        // For pruning: the tokens of a session go before it.
        Index::create()
            .name("refresh_token_session")
            .table("refresh_token")
            .col("session")
            .take(),
        Index::create()
            .name("used_token_end")
            .table("used_token")
            .col("expires_at")
            .take(),
    ];
    // Lists over everybody, newest first.
    indexes.extend(LISTS.map(|(name, table)| {
        Index::create()
            .name(name)
            .table(table)
            .col("created_at")
            .col("id")
            .take()
    }));
    indexes
}

// Principals are JSON and say who somebody was; `granted_by` names a grant.
const ACTS_FOR: [(&str, &str); 3] = [
    ("external_account_key", "principal"),
    ("account", "principal"),
    ("authorization", "granted_by"),
];

const LISTS: [(&str, &str); 2] = [("account_age", "account"), ("order_age", "acme_order")];
