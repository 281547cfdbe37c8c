//! The one road to a signature.
//!
//! Every door (ACME today, the JSON API tomorrow) makes an [`Entitlement`] and walks the same
//! corridor: `Csr -> Approved -> Prepared -> Recorded -> Issued`. This room decides, records and
//! signs; it never speaks HTTP, never resolves a name, and reaches its store only through
//! [`Ledger`] and its keys only through `ca-keys`.

pub mod actor;
pub mod audit;
pub mod corridor;
pub mod entitlement;
pub mod error;
pub mod issuer;
pub mod lease;
pub mod ledger;
pub mod pattern;
pub mod policy;
pub mod profile;
pub mod publish;
pub mod respond;
pub mod revoke;
pub mod settle;
pub mod steps;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod world;

pub use actor::Actor;
pub use corridor::{Corridor, CorridorParts};
pub use entitlement::{Entitlement, EntitlementClaim};
pub use error::{IssuanceError, Rule, Violation};
pub use issuer::{Issuer, IssuerError, IssuerParts};
pub use lease::{Lease, LeaseKeeper, Tenure};
pub use ledger::{Ledger, LedgerError};
pub use policy::{GrantedWindow, Policy};
pub use profile::Profile;
pub use publish::{CrlPublisher, PublishSchedule};
pub use respond::{OcspResponder, RespondSchedule};
pub use settle::Settle;
pub use steps::Issued;
pub use world::{Clock, Entropy};
