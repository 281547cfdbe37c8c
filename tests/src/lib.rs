//! Harness and suites over the whole system.

pub mod postgres;
