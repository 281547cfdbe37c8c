//! Certificates as values: parse, judge, encode.
//!
//! Everything here is a pure function of its arguments. This room does no I/O, reads no clock and
//! draws no randomness: times, serials and signatures are handed in. It never sees a private key.

mod asn1;
pub mod authority;
pub mod certificate;
pub mod crl;
pub mod csr;
#[cfg(test)]
mod fixture;
mod general_name;
pub mod hex;
pub mod identifier;
pub mod key;
pub mod lint;
mod name;
pub mod ocsp;
pub mod pem;
pub mod serial;
pub mod time;
mod tlv;

pub use certificate::Certificate;
pub use csr::Csr;
pub use identifier::{DnsName, Identifier};
pub use key::{KeyAlgorithm, PublicKey, SignatureAlgorithm};
pub use serial::Serial;
pub use time::{Timestamp, Validity};
