//! Certificates from intent to end, the CRLs made of them, and the counters of each issuer.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, blob, blob_null, small_integer_null, text, text_null,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(certificate()).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        manager.create_table(crl()).await?;
        manager.create_table(issuer_counter()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["issuer_counter", "crl", "certificate"] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}

// Serials begin with the time, so the key's index grows at its end, and the rows themselves are
// appended (a rowid table on SQLite, a heap on PostgreSQL): a sixth of the cost of random keys.
// Names are JSON in the row: a child table would double the rows written for each certificate.
// Search by name gets its own index when there is a door that searches.
fn certificate() -> TableCreateStatement {
    Table::create()
        .table("certificate")
        .col(text("issuer"))
        .col(blob("serial"))
        .col(text("profile"))
        .col(text("identifiers"))
        .col(big_integer("not_before"))
        .col(big_integer("not_after"))
        .col(blob("key_fingerprint"))
        .col(text("requested_by"))
        .col(text_null("order_id"))
        .col(text("state"))
        .col(big_integer_null("revoked_at"))
        .col(small_integer_null("revocation_reason"))
        .col(blob_null("tbs_der"))
        .col(blob_null("der"))
        .col(big_integer("recorded_at"))
        .col(big_integer("settle_after"))
        .primary_key(Index::create().col("issuer").col("serial"))
        .take()
}

fn indexes() -> [IndexCreateStatement; 3] {
    [
        Index::create()
            .name("certificate_revoked")
            .table("certificate")
            .col("issuer")
            .col("not_after")
            .and_where(Expr::col("state").is_in([Expr::cust("'revoked'"), Expr::cust("'burned'")]))
            .take(),
        Index::create()
            .name("certificate_unfinished")
            .table("certificate")
            .col("settle_after")
            .and_where(Expr::col("state").eq(Expr::cust("'intended'")))
            .take(),
        Index::create()
            .name("certificate_end")
            .table("certificate")
            .col("not_after")
            .take(),
    ]
}

fn crl() -> TableCreateStatement {
    Table::create()
        .table("crl")
        .col(text("issuer").primary_key())
        .col(big_integer("number"))
        .col(big_integer("this_update"))
        .col(big_integer("next_update"))
        .col(big_integer("revocation_epoch"))
        .col(blob("der"))
        .take()
}

fn issuer_counter() -> TableCreateStatement {
    Table::create()
        .table("issuer_counter")
        .col(text("issuer").primary_key())
        .col(big_integer("revocation_epoch"))
        .col(big_integer("crl_number"))
        .take()
}
