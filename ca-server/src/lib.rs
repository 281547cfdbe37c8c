//! The online tier: ACME, revocation data, operation.
//!
//! The only room that knows HTTP. It translates, introduces rooms to each other (`app`), and
//! decides nothing that belongs to them.

pub mod config;
pub mod http;
