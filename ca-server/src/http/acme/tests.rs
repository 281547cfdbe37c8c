//! The ACME door with a real store and a real issuer behind it, and a client that misbehaves.

mod account;
mod client;
mod directory;
mod envelope;
mod external_account;
mod granted;
mod key_change;
mod limits;
mod minted;
mod nonce;
mod order;
mod revocation;
mod runner;
mod world;
