//! The schema: real steps up and down for SQLite and PostgreSQL.
//!
//! Tables, columns and indexes come from here alone; no entity ever builds a table. A step that
//! has shipped is never edited: the next change is the next file. Moments are seconds since 1970,
//! lists and small objects are JSON text, both the same on both databases.

mod m0001_accounts;
mod m0002_orders;
mod m0003_certificates;
mod m0004_audit;
mod m0005_coordination;
mod m0006_issuance_by_identity;
mod m0007_audit_export;
mod m0008_identity;
mod m0009_lists;
mod m0010_identity_state;
mod m0011_revocation_numbers;

use sea_orm_migration::prelude::*;

/// Every step, in order.
#[derive(Debug, Clone, Copy)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_accounts::Migration),
            Box::new(m0002_orders::Migration),
            Box::new(m0003_certificates::Migration),
            Box::new(m0004_audit::Migration),
            Box::new(m0005_coordination::Migration),
            Box::new(m0006_issuance_by_identity::Migration),
            Box::new(m0007_audit_export::Migration),
            Box::new(m0008_identity::Migration),
            Box::new(m0009_lists::Migration),
            Box::new(m0010_identity_state::Migration),
            Box::new(m0011_revocation_numbers::Migration),
        ]
    }
}
