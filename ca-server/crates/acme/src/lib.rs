//! RFC 8555 without HTTP: JWS, accounts, orders, authorizations, challenges as state machines.
//!
//! This room decides what an ACME request means and moves states by compare-and-swap through its
//! ports. It never opens a socket, never sees a URL's host but the configured one, and issues only
//! through the corridor of `ca-issuance`.

pub mod account;
pub mod authorization;
pub mod directory;
pub mod external_account;
pub mod order;
pub mod problem;
pub mod store;
pub mod validator;

pub use problem::{Problem, ProblemKind};
pub use store::{AcmeStore, StoreError};
pub use validator::Validator;
