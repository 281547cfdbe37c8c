//! The online tier: ACME, revocation data, operation.
//!
//! The only room that knows HTTP. It translates, introduces rooms to each other (`app`), and
//! decides nothing that belongs to them.

mod app;
pub mod cli;
pub mod config;
pub mod error;
mod files;
pub mod http;
mod jobs;
mod nearest;
mod panic;
mod quickstart;
mod storage;
mod telemetry;
mod tls;
