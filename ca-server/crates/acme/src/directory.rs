//! One ACME directory's rules, as configured under `[[acme]]`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ca_issuance::pattern::Scope;

use crate::authorization::ChallengeKind;

/// Whether accounts need an external binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExternalAccountRule {
    /// newAccount without one is refused.
    Required,
    /// Accepted and checked where sent.
    Optional,
    /// Ignored.
    Off,
}

/// One directory's rules.
#[derive(Clone, Debug)]
pub struct Directory {
    /// The segment in its URLs.
    pub name: String,
    /// Profile name to description, for `meta.profiles`.
    pub profiles: BTreeMap<String, String>,
    /// The profile of an order that names none.
    pub default_profile: String,
    /// External account rule.
    pub external_account: ExternalAccountRule,
    /// Which challenges are offered.
    pub challenges: BTreeSet<ChallengeKind>,
    /// Which identifiers may be ordered.
    pub scope: Scope,
    /// `meta.termsOfService`.
    pub terms_of_service: Option<String>,
    /// `meta.website`.
    pub website: Option<String>,
    /// `meta.caaIdentities`.
    pub caa_identities: Vec<String>,
    /// How long a pending order and its authorizations live.
    pub order_lifetime: Duration,
    /// How long a valid authorization may be used again.
    pub authorization_lifetime: Duration,
}
