//! ACME accounts that act for a job: what its grants give they get without a challenge.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod binding;
#[path = "../audit/database.rs"]
mod database;
mod job;
mod loss;
