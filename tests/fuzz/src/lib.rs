//! What fuzzers call: one function a parser of hostile input, with what must hold of it.
//!
//! Each takes bytes that a stranger may send and panics where a promise is broken; refusing is
//! always fine. `tests/fuzz/run` drives them by libFuzzer; the seeds, and whatever a fuzzer once
//! found, are run by an ordinary test. Inputs that need structure (a signature that verifies, base64
//! around JSON) are made from the bytes here, or no fuzzer would ever come past the first check.

#![expect(
    clippy::panic,
    reason = "a broken promise is told to a fuzzer by a panic"
)]

mod acme;
mod bearer;
mod pki;
mod text;

pub use acme::{ari_id, jws};
pub use bearer::bearer;
pub use pki::{certificate, csr, ocsp};
pub use text::{ceremony, configuration, identifier, pkcs11_uri};

/// A function that a fuzzer calls.
pub type Target = fn(&[u8]);

/// Every target under the name of its seeds' folder and of its fuzzer.
pub const TARGETS: [(&str, Target); 10] = [
    ("ari_id", ari_id),
    ("bearer", bearer),
    ("ceremony", ceremony),
    ("certificate", certificate),
    ("configuration", configuration),
    ("csr", csr),
    ("identifier", identifier),
    ("jws", jws),
    ("ocsp", ocsp),
    ("pkcs11_uri", pkcs11_uri),
];

/// Returns bytes as text, if they are.
fn text(unverified: &[u8]) -> Option<&str> {
    std::str::from_utf8(unverified).ok()
}
