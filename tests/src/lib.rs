//! Harness and suites over the whole system.
