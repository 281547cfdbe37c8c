//! ACME orders, authorizations and which order holds which.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, blob_null, boolean, text, text_null,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(authorization()).await?;
        manager.create_table(acme_order()).await?;
        manager.create_table(order_authorization()).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["order_authorization", "acme_order", "authorization"] {
            manager
                .drop_table(Table::drop().table(table).take())
                .await?;
        }
        Ok(())
    }
}

// The challenges of an authorization are read and written with it, never alone: one JSON column
// instead of three more rows an order. `validating` lets a restart find what was under way.
fn authorization() -> TableCreateStatement {
    Table::create()
        .table("authorization")
        .col(text("id").primary_key())
        .col(text("account"))
        .col(text("directory"))
        .col(text("identifier_type"))
        .col(text("identifier_value"))
        .col(boolean("wildcard"))
        .col(text("status"))
        .col(big_integer("expires_at"))
        .col(text("challenges"))
        .col(boolean("validating"))
        .col(boolean("standalone"))
        .col(big_integer_null("caa_checked_at"))
        .foreign_key(&mut owned_by_account("authorization"))
        .take()
}

// `order` is a keyword. The list of authorizations never changes, so the row carries it: an order
// is read with one query. `order_authorization` answers the other direction.
fn acme_order() -> TableCreateStatement {
    Table::create()
        .table("acme_order")
        .col(text("id").primary_key())
        .col(text("account"))
        .col(text("directory"))
        .col(text("status"))
        .col(big_integer("expires_at"))
        .col(text("identifiers"))
        .col(text("authorizations"))
        .col(text("profile"))
        .col(big_integer_null("not_before"))
        .col(big_integer_null("not_after"))
        .col(text_null("replaces"))
        .col(text_null("error"))
        .col(text_null("issuer"))
        .col(blob_null("serial"))
        .col(big_integer("created_at"))
        .foreign_key(&mut owned_by_account("acme_order"))
        .take()
}

fn order_authorization() -> TableCreateStatement {
    Table::create()
        .table("order_authorization")
        .col(text("authorization_id"))
        .col(text("order_id"))
        .primary_key(Index::create().col("authorization_id").col("order_id"))
        .foreign_key(
            ForeignKey::create()
                .from("order_authorization", "order_id")
                .to("acme_order", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .foreign_key(
            ForeignKey::create()
                .from("order_authorization", "authorization_id")
                .to("authorization", "id"),
        )
        .take()
}

fn owned_by_account(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(table, "account")
        .to("account", "id")
        .take()
}

fn indexes() -> [IndexCreateStatement; 8] {
    [
        Index::create()
            .name("authorization_of_account")
            .table("authorization")
            .col("account")
            .col("identifier_value")
            .take(),
        Index::create()
            .name("authorization_validating")
            .table("authorization")
            .col("id")
            .and_where(Expr::col("validating").eq(Expr::cust("true")))
            .take(),
        Index::create()
            .name("authorization_end")
            .table("authorization")
            .col("expires_at")
            .take(),
        Index::create()
            .name("order_of_account")
            .table("acme_order")
            .col("account")
            .col("created_at")
            .col("id")
            .take(),
        // What bounds the unfinished orders of an account.
        Index::create()
            .name("order_unfinished")
            .table("acme_order")
            .col("account")
            .and_where(Expr::cust("status IN ('pending', 'ready')"))
            .take(),
        // RFC 9773 §5: one order at a time may replace a certificate.
        Index::create()
            .name("order_replaces")
            .table("acme_order")
            .col("replaces")
            .unique()
            .and_where(Expr::col("replaces").is_not_null())
            .and_where(Expr::col("status").ne(Expr::cust("'invalid'")))
            .take(),
        Index::create()
            .name("order_end")
            .table("acme_order")
            .col("expires_at")
            .take(),
        // For the cascade when an order is pruned.
        Index::create()
            .name("order_authorization_order")
            .table("order_authorization")
            .col("order_id")
            .take(),
    ]
}
