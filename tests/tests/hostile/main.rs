//! A network that lies and clients that misbehave: deadlines hold, memory is bounded, no order is
//! stuck, and honest clients go on.
//!
//! `resolvers` and `targets` are what validation meets; `slow`, `oversized`, `streams` and `idle`
//! are what comes in; `sharing` is one client that takes all it can get. `CA_TESTS_LONG=1` adds
//! the thousands.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod idle;
mod liar;
mod oversized;
mod pending;
mod resolvers;
mod sharing;
mod slow;
mod streams;
mod targets;
mod world;
