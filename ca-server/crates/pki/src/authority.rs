//! Templates of CA certificates: the one place that knows what a root and an intermediate hold.
//!
//! Both the offline ceremonies and `ca-server quickstart` build theirs here.

use crate::certificate::{ExtendedKeyUsage, NameConstraints, Template};
use crate::{Certificate, PublicKey, Serial, Validity};

/// What a ceremony decides about a root.
#[derive(Clone, Debug)]
pub struct RootRequest {
    /// The root's Name, encoded.
    pub subject_der: Vec<u8>,
    /// The root's key.
    pub public_key: PublicKey,
    /// The serial number.
    pub serial: Serial,
    /// From when to when.
    pub validity: Validity,
}

/// What a ceremony decides about a CA certificate that a root signs.
#[derive(Clone, Debug)]
pub struct SubordinateRequest {
    /// The subordinate's Name, encoded.
    pub subject_der: Vec<u8>,
    /// The subordinate's key.
    pub public_key: PublicKey,
    /// The serial number.
    pub serial: Serial,
    /// From when to when; never past the root's own end.
    pub validity: Validity,
    /// How many CAs may follow below.
    pub path_length: crate::certificate::PathLength,
    /// Purposes that its leaves may have; empty leaves the extension out (cross-signed roots).
    pub extended_key_usage: Vec<ExtendedKeyUsage>,
    /// Names that its leaves may have.
    pub name_constraints: Option<NameConstraints>,
    /// Where the root's CRL is.
    pub crl_urls: Vec<String>,
    /// Where the root's certificate is.
    pub issuer_urls: Vec<String>,
}

/// Returns the template of a self-signed root.
pub fn root(request: RootRequest) -> Template {
    let _ = request;
    todo!()
}

/// Returns the template of a CA certificate below `issuer`, signed with `issuer`'s key.
pub fn subordinate(issuer: &Certificate, request: SubordinateRequest) -> Template {
    let _ = (issuer, request);
    todo!()
}
