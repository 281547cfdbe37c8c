//! The ACME door with a real store and a real issuer behind it, and a client that misbehaves.

mod account;
mod client;
mod directory;
mod envelope;
mod external_account;
mod key_change;
mod nonce;
mod order;
mod revocation;
mod world;
