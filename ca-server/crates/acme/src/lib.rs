//! RFC 8555 without HTTP: JWS, accounts, orders, authorizations, challenges as state machines.
//!
//! This room decides what an ACME request means and moves states by compare-and-swap through its
//! ports. It never opens a socket, never sees a URL's host but the configured one, and issues only
//! through the corridor of `ca-issuance`.

pub mod account;
pub mod acme;
pub mod authorization;
pub mod certificate;
pub mod challenge;
pub mod cursor;
pub mod directory;
pub mod error;
pub mod external_account;
mod grant;
mod identifier;
pub mod jwk;
mod jws;
pub mod key_change;
mod known_keys;
pub mod limits;
mod nonce;
pub mod order;
mod ownership;
mod payload;
pub mod problem;
pub mod renewal_info;
pub mod request;
pub mod revocation;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
pub mod urls;
pub mod validator;

pub use acme::{Acme, AcmeParts};
pub use error::Error;
pub use nonce::NONCE_OUTLASTS;
pub use problem::{Problem, ProblemKind};
pub use store::{AcmeStore, StoreError};
pub use urls::Urls;
pub use validator::Validator;
