//! Orders (RFC 8555 §7.1.3).

mod caa;
mod claim;
mod finalize;
mod list;
mod place;
mod profile;
mod read;
mod refuse;
mod replace;
mod request;
mod violation;

use ca_pki::{Identifier, Serial, Timestamp};

use crate::Problem;

pub use list::{OrderList, OrderQuery};
pub use place::PlacedOrder;

/// Where an order stands (RFC 8555 §7.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderStatus {
    /// `pending`
    Pending,
    /// `ready`
    Ready,
    /// `processing`
    Processing,
    /// `valid`
    Valid,
    /// `invalid`
    Invalid,
}

/// A request for one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The last segment of its URL, unguessable.
    pub id: String,
    /// The account's id.
    pub account: String,
    /// The directory's name.
    pub directory: String,
    /// Where it stands; `Invalid` where it expired unfinished.
    pub status: OrderStatus,
    /// When it ends, if not finished before.
    pub expires_at: Timestamp,
    /// What the certificate shall hold, sorted, each once; wildcards as `*.name`.
    pub identifiers: Vec<Identifier>,
    /// The authorizations, one for each identifier, in their order.
    pub authorizations: Vec<String>,
    /// The profile's name.
    pub profile: String,
    /// notBefore as granted, where asked for.
    pub not_before: Option<Timestamp>,
    /// notAfter as granted, where asked for.
    pub not_after: Option<Timestamp>,
    /// The ARI identifier of the certificate that it replaces (RFC 9773).
    pub replaces: Option<String>,
    /// Why it failed.
    pub error: Option<Problem>,
    /// The issuer's name and serial of the certificate, once `Valid`.
    pub certificate: Option<(String, Serial)>,
    /// When it was made.
    pub created_at: Timestamp,
}
