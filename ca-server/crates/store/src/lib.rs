//! sea-orm behind the ports.
//!
//! This room remembers: it implements [`ca_issuance::Ledger`], [`ca_identity::IdentityStore`] and
//! [`ca_acme::AcmeStore`] over SQLite and PostgreSQL, and keeps the audit chain. Rows are private and become the callers'
//! types by `TryFrom`; a row that does not is [`Error::Corrupt`].
//!
//! Writes are values of `Change`: one intent, one transaction, its audit event
//! included. They queue for the writer, which runs what is waiting in one database transaction,
//! commits once, then answers all: nothing is answered before it is durable. Reads take their own
//! connections. This room never decides what a client may do and never signs; it settles who was
//! first.

mod account;
mod acme;
mod audit;
mod authorization;
mod certificate;
mod change;
mod client;
mod connect;
mod crl;
mod database;
mod database_file;
mod entity;
mod error;
mod external_account;
mod grant;
mod grant_use;
mod group;
mod idempotency;
mod identifier;
mod identity;
mod lease;
mod ledger;
mod nonce;
mod operator_token;
mod order;
mod point_reads;
mod pool;
mod principal;
mod probe;
mod problem;
mod prune;
mod read;
mod row;
mod schema;
mod secret;
mod serving;
mod session;
mod sqlite;
mod store;
mod transaction;
mod used_token;
mod writer;

pub use audit::{Backlog, Sealed, Verification};
pub use connect::{Options, understands};
pub use error::{Cause, Error};
pub use probe::CommitRates;
pub use store::Store;
