//! Breaking one thing, then proving recovery.
//!
//! `crash` ends a server between each pair of durable steps.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod crash;
mod database;
mod wax;

#[expect(
    dead_code,
    reason = "shared with another suite, which moves clocks and scripts refusals"
)]
#[path = "../acme_service/world.rs"]
mod world;
