//! Revocations numbered one after the other, so that a CRL is the one before and what came since.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer_null, blob_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add(manager, CERTIFICATE, big_integer_null(NUMBER)).await?;
        manager
            .get_connection()
            .execute_unprepared(NUMBER_WHAT_IS_REVOKED)
            .await?;
        for index in [numbered(), unnumbered()] {
            manager.create_index(index).await?;
        }
        drop_index(manager, "certificate_revoked").await?;
        for column in crl_columns() {
            add(manager, CRL, column).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in CRL_COLUMNS {
            drop_column(manager, CRL, column).await?;
        }
        manager.create_index(revoked()).await?;
        for name in [NUMBERED, UNNUMBERED] {
            drop_index(manager, name).await?;
        }
        drop_column(manager, CERTIFICATE, NUMBER).await
    }
}

// A revocation's number is what its issuer's epoch became with it. Both grow by one in the
// transaction that revokes, so numbers appear in order, on PostgreSQL too: a list that holds all
// up to one number needs only what is above it. Every revocation so far has raised the epoch, so
// counting them from one stays at or below it.
const NUMBER_WHAT_IS_REVOKED: &str = "UPDATE certificate SET revocation_number = numbered.place \
    FROM (SELECT issuer, serial, \
        ROW_NUMBER() OVER (PARTITION BY issuer ORDER BY revoked_at, serial) AS place \
        FROM certificate WHERE state IN ('revoked', 'burned')) AS numbered \
    WHERE certificate.issuer = numbered.issuer AND certificate.serial = numbered.serial";

// Holds all that a CRL says of a certificate: the rows themselves, of a kilobyte and more each,
// are not read.
fn numbered() -> IndexCreateStatement {
    Index::create()
        .name(NUMBERED)
        .table(CERTIFICATE)
        .col("issuer")
        .col(NUMBER)
        .col("not_after")
        .col("serial")
        .col("revoked_at")
        .col("revocation_reason")
        .and_where(Expr::col(NUMBER).is_not_null())
        .take()
}

// What a server of the release before revokes beside us; empty once that is gone.
fn unnumbered() -> IndexCreateStatement {
    Index::create()
        .name(UNNUMBERED)
        .table(CERTIFICATE)
        .col("issuer")
        .and_where(state_is_final())
        .and_where(Expr::col(NUMBER).is_null())
        .take()
}

fn revoked() -> IndexCreateStatement {
    Index::create()
        .name("certificate_revoked")
        .table(CERTIFICATE)
        .col("issuer")
        .col("not_after")
        .and_where(state_is_final())
        .take()
}

fn state_is_final() -> Expr {
    Expr::col("state").is_in([Expr::cust("'revoked'"), Expr::cust("'burned'")])
}

// The row says which revocations are listed and holds the signature; with these, any server makes
// the same list out of the certificates. `der` stays empty: a list of a million entries is 40 MB,
// too much to write for each. A later release drops it.
fn crl_columns() -> [ColumnDef; 3] {
    let [first, ended, signature] = CRL_COLUMNS;
    [
        big_integer_null(first),
        big_integer_null(ended),
        blob_null(signature),
    ]
}

async fn add(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: ColumnDef,
) -> Result<(), DbErr> {
    let added = Table::alter().table(table).add_column(column).take();
    manager.alter_table(added).await
}

async fn drop_column(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: &'static str,
) -> Result<(), DbErr> {
    let dropped = Table::alter().table(table).drop_column(column).take();
    manager.alter_table(dropped).await
}

async fn drop_index(manager: &SchemaManager<'_>, name: &'static str) -> Result<(), DbErr> {
    let dropped = Index::drop().name(name).table(CERTIFICATE).to_owned();
    manager.drop_index(dropped).await
}

const CERTIFICATE: &str = "certificate";
const NUMBER: &str = "revocation_number";
const NUMBERED: &str = "certificate_revocation";
const UNNUMBERED: &str = "certificate_unnumbered";
const CRL: &str = "crl";
const CRL_COLUMNS: [&str; 3] = ["first_revocation", "ended_before", "signature"];
