//! External account keys found by whom they are for, by age and by end; accounts by their key.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::text_null;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut added = Table::alter();
        added.table(KEY).add_column(text_null("owner"));
        manager.alter_table(added).await?;
        let named = name_owners(manager.get_database_backend());
        manager.get_connection().execute(&named).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, table) in [
            ("account_external_account", "account"),
            ("external_account_key_end", KEY),
            ("external_account_key_age", KEY),
            ("external_account_key_owner", KEY),
        ] {
            let mut index = Index::drop();
            index.name(name).table(table);
            manager.drop_index(index).await?;
        }
        let mut dropped = Table::alter();
        dropped.table(KEY).drop_column("owner");
        manager.alter_table(dropped).await
    }
}

// `owner` repeats the name of what `principal` says in JSON.
fn name_owners(backend: DbBackend) -> UpdateStatement {
    let field = |name: &str| {
        if backend == DbBackend::Sqlite {
            format!("json_extract(principal, '$.{name}')")
        } else {
            format!("(principal::json ->> '{name}')")
        }
    };
    let (kind, provider, subject) = (field("kind"), field("provider"), field("subject"));
    let (id, issuer, serial) = (field("id"), field("issuer"), field("serial"));
    let name = field("name");
    let owner = format!(
        "CASE {kind} WHEN 'oidc' THEN 'oidc:' || {provider} || ':' || {subject} \
         WHEN 'client' THEN 'client:' || {id} \
         WHEN 'certificate' THEN 'certificate:' || {issuer} || ':' || {serial} \
         WHEN 'operator' THEN 'operator:' || {name} END"
    );
    Query::update()
        .table(KEY)
        .value("owner", Expr::cust(owner))
        .and_where(Expr::col("principal").is_not_null())
        .take()
}

// The first two are for lists, newest first: of one owner, of everybody. The others are for
// pruning: keys past their end, of which no account is in use.
fn indexes() -> [IndexCreateStatement; 4] {
    [
        Index::create()
            .name("external_account_key_owner")
            .table(KEY)
            .col("owner")
            .col("created_at")
            .col("kid")
            .and_where(Expr::col("owner").is_not_null())
            .take(),
        Index::create()
            .name("external_account_key_age")
            .table(KEY)
            .col("created_at")
            .col("kid")
            .take(),
        Index::create()
            .name("external_account_key_end")
            .table(KEY)
            .col("expires_at")
            .and_where(Expr::col("expires_at").is_not_null())
            .take(),
        Index::create()
            .name("account_external_account")
            .table("account")
            .col("external_account")
            .and_where(Expr::col("external_account").is_not_null())
            .take(),
    ]
}

const KEY: &str = "external_account_key";
