//! For tests of this room and of those above it: a memory without a database, an issuer of tokens.

mod issuer;
mod store;

pub use issuer::{TestIssuer, TestKey, signing_input};
pub use store::MemoryIdentityStore;
