//! Harness and suites over the whole system.
//!
//! A suite starts the real program with [`TestCa`], which comes with a [`Network`]: the DNS, HTTP
//! and TLS servers that the program sees when it checks who controls a name. [`RawAcme`] is an
//! ACME client that does as it is told, also what no client should do; [`ApiClient`] is one of the
//! JSON API, and an [`OidcIssuer`] signs tokens for CI jobs.
//!
//! Nothing here is fit for anything but tests: what goes wrong panics, with the server's log.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

pub mod acme;
pub mod api;
mod background;
pub mod clock;
pub mod csr;
pub mod network;
pub mod oidc;
pub mod openssl;
pub mod postgres;
pub mod relying_party;
pub mod server;
pub mod token;

pub use acme::RawAcme;
pub use api::ApiClient;
pub use network::Network;
pub use oidc::OidcIssuer;
pub use server::TestCa;

/// Tells whether the suites take their time (`CA_TESTS_LONG=1`).
pub fn is_long() -> bool {
    std::env::var("CA_TESTS_LONG").is_ok_and(|value| value == "1")
}
