//! Logins over HTTP: clients with secrets, operators with tokens, sessions and how they end.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod caller;
mod clients;
mod cluster;
mod jobs;
mod operators;
mod sessions;

use std::sync::LazyLock;

use ca_tests::TestCa;

/// The server of every test that needs none of its own: clients have names of their own, and
/// few of them show a wrong secret.
static CA: LazyLock<TestCa> = LazyLock::new(TestCa::quickstart);
