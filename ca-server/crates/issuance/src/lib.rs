//! The one road to a signature.
//!
//! Every door (ACME today, the JSON API tomorrow) makes an [`Entitlement`] and walks the same
//! corridor: `Csr -> Approved -> Prepared -> Recorded -> Issued`. This room decides, records and
//! signs; it never speaks HTTP, never resolves a name, and reaches its store only through
//! [`Ledger`] and its keys only through `ca-keys`.

pub mod actor;
pub mod audit;
pub mod ledger;
pub mod pattern;
pub mod world;

pub use actor::Actor;
pub use ledger::{Ledger, LedgerError};
pub use world::{Clock, Entropy};
