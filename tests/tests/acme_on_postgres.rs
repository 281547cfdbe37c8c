//! The suite `acme` with its data in PostgreSQL.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

#[path = "acme/accounts.rs"]
mod accounts;
#[path = "acme/authorizations.rs"]
mod authorizations;
#[path = "acme/caa.rs"]
mod caa;
#[path = "acme/certificates.rs"]
mod certificates;
#[path = "acme/challenges.rs"]
mod challenges;
#[path = "acme/clients.rs"]
mod clients;
#[path = "acme/concurrency.rs"]
mod concurrency;
#[path = "acme/directories.rs"]
mod directories;
#[path = "acme/envelopes.rs"]
mod envelopes;
#[path = "acme/external_accounts.rs"]
mod external_accounts;
#[path = "acme/finalize.rs"]
mod finalize;
#[path = "acme/identifiers.rs"]
mod identifiers;
#[path = "acme/interop.rs"]
mod interop;
#[path = "acme/key_change.rs"]
mod key_change;
#[path = "acme/methods.rs"]
mod methods;
#[path = "acme/nonces.rs"]
mod nonces;
#[path = "acme/orders.rs"]
mod orders;
#[path = "acme/ownership.rs"]
mod ownership;
#[path = "acme/profiles.rs"]
mod profiles;
#[path = "acme/renewal.rs"]
mod renewal;
#[path = "acme/revocation.rs"]
mod revocation;
#[path = "acme_on_postgres/scans.rs"]
mod scans;
#[path = "acme/sections.rs"]
mod sections;

use std::sync::LazyLock;

use ca_tests::TestCa;

/// The server of this suite.
static CA: LazyLock<TestCa> = LazyLock::new(|| {
    TestCa::builder()
        .append(sections::SECTIONS)
        .with_alternate_chain()
        .on_postgres()
        .start()
});
