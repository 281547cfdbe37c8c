//! What certificates remember of who asked and why; uses of grants; idempotency keys.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, blob, boolean, text, text_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column a statement.
        for column in certificate_columns() {
            let add = Table::alter()
                .table("certificate")
                .add_column(column)
                .take();
            manager.alter_table(add).await?;
        }
        manager.create_table(grant_use()).await?;
        manager.create_table(idempotency_key()).await?;
        for index in certificate_indexes().into_iter().chain(key_indexes()) {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in CERTIFICATE_INDEXES {
            let drop = Index::drop().name(name).table("certificate").to_owned();
            manager.drop_index(drop).await?;
        }
        for table in ["idempotency_key", "grant_use"] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        for column in CERTIFICATE_COLUMNS {
            let drop = Table::alter()
                .table("certificate")
                .drop_column(column)
                .take();
            manager.alter_table(drop).await?;
        }
        Ok(())
    }
}

// `requester` is set for identities only: a plain ACME account's certificates are found by their
// order, and leaving it NULL keeps them out of the index below. `grant_counted` says whether a
// burned serial has a use to give back, whatever the grant's limit is by then.
fn certificate_columns() -> [ColumnDef; 4] {
    let [requester, grant_name, grant_counted, provenance] = CERTIFICATE_COLUMNS;
    [
        text_null(requester),
        text_null(grant_name),
        boolean(grant_counted).default(false).take(),
        text_null(provenance),
    ]
}

// Lists are ordered by serial: its index is appended to, for serials begin with the time. Only
// identities list their own, so only theirs are in the index by requester. There is none by name:
// it would be written at a random place for every name of every certificate (several times the
// cost of the row itself), so that a rare search by staff is faster than one pass over the rows
// that are kept, about a second for each million.
fn certificate_indexes() -> [IndexCreateStatement; 3] {
    let [newest, by_requester, compromised] = CERTIFICATE_INDEXES;
    [
        Index::create()
            .name(newest)
            .table("certificate")
            .col("serial")
            .col("issuer")
            .take(),
        Index::create()
            .name(by_requester)
            .table("certificate")
            .col("requester")
            .col("serial")
            .and_where(Expr::col("requester").is_not_null())
            .take(),
        // keyCompromise (RFC 5280 §5.3.1).
        Index::create()
            .name(compromised)
            .table("certificate")
            .col("key_fingerprint")
            .and_where(Expr::col("revocation_reason").eq(Expr::cust("1")))
            .take(),
    ]
}

fn grant_use() -> TableCreateStatement {
    Table::create()
        .table("grant_use")
        .col(text("grant_name").primary_key())
        .col(big_integer("used"))
        .take()
}

fn idempotency_key() -> TableCreateStatement {
    Table::create()
        .table("idempotency_key")
        .col(text("actor"))
        .col(text("key"))
        .col(blob("request_hash"))
        .col(text("issuer"))
        .col(blob("serial"))
        .col(big_integer("expires_at"))
        .primary_key(Index::create().col("actor").col("key"))
        .take()
}

// By serial for a burning, which frees the key.
fn key_indexes() -> [IndexCreateStatement; 2] {
    [
        Index::create()
            .name("idempotency_key_end")
            .table("idempotency_key")
            .col("expires_at")
            .take(),
        Index::create()
            .name("idempotency_key_serial")
            .table("idempotency_key")
            .col("serial")
            .take(),
    ]
}

const CERTIFICATE_COLUMNS: [&str; 4] = ["requester", "grant_name", "grant_counted", "provenance"];
const CERTIFICATE_INDEXES: [&str; 3] = [
    "certificate_newest",
    "certificate_by_requester",
    "certificate_compromised",
];
