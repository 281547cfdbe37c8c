//! The contract of `ca_issuance::Ledger`, `ca_identity::IdentityStore` and `ca_acme::AcmeStore`,
//! on both databases.
//!
//! Each case runs on a fresh SQLite file and on a fresh PostgreSQL database, both built by the
//! migrations.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as expected"
)]

mod bench;

mod account;
mod audit;
mod audit_export;
mod audit_query;
mod audit_tampering;
mod authorization;
mod certificate;
mod certificate_list;
mod connections;
mod coordination;
mod crl;
mod external_account;
mod identity;
mod intent;
mod list;
mod nonce;
mod order;
mod prune;
mod revocations;
mod schema;
mod writer;
