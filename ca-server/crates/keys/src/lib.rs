//! Where private keys live: PKCS#11 tokens and encrypted files, behind one trait.
//!
//! This is the only room that holds a private key and the only one that knows cryptoki. It never
//! returns key material, never logs a PIN or a passphrase, and never waits without a deadline.

mod error;
mod signing_key;

pub use error::KeyError;
pub use signing_key::SigningKey;
