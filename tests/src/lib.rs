//! Harness and suites over the whole system.
//!
//! A suite starts the real program with [`TestCa`], which comes with a [`Network`]: the DNS, HTTP
//! and TLS servers that the program sees when it checks who controls a name. [`RawAcme`] is an
//! ACME client that does as it is told, also what no client should do.
//!
//! Nothing here is fit for anything but tests: what goes wrong panics, with the server's log.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

pub mod acme;
mod background;
pub mod csr;
pub mod network;
pub mod openssl;
pub mod postgres;
pub mod relying_party;
pub mod server;
pub mod token;

pub use acme::RawAcme;
pub use network::Network;
pub use server::TestCa;
