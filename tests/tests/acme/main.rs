//! ACME over HTTP (RFC 8555 and what grew around it), as clients see it.
//!
//! One server serves all tests; each test has accounts of its own. `acme_on_postgres` runs the same
//! tests on the other database.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod accounts;
mod authorizations;
mod caa;
mod certificates;
mod challenges;
mod clients;
mod concurrency;
mod directories;
mod envelopes;
mod external_accounts;
mod finalize;
mod identifiers;
mod interop;
mod key_change;
mod methods;
mod nonces;
mod orders;
mod ownership;
mod profiles;
mod renewal;
mod revocation;
mod sections;

use std::sync::LazyLock;

use ca_tests::TestCa;

/// The server of this suite.
static CA: LazyLock<TestCa> = LazyLock::new(|| {
    TestCa::builder()
        .append(sections::SECTIONS)
        .with_alternate_chain()
        .start()
});
