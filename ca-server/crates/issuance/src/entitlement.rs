//! What an actor may have: made once per door, after authentication and authorisation.

use std::collections::BTreeSet;

use ca_pki::{Identifier, Timestamp};

use crate::Actor;

/// What a door found out about a request.
#[derive(Debug)]
pub struct EntitlementClaim {
    /// Who asks.
    pub actor: Actor,
    /// Exactly what the certificate shall hold.
    pub identifiers: BTreeSet<Identifier>,
    /// Under which profile.
    pub profile: String,
    /// notBefore as asked for.
    pub not_before: Option<Timestamp>,
    /// notAfter as asked for; cut to what the profile allows.
    pub not_after: Option<Timestamp>,
    /// The ACME order that the certificate answers.
    pub order: Option<String>,
    /// SHA-256 of a SubjectPublicKeyInfo that must not be certified: the ACME account's own.
    pub forbidden_key: Option<[u8; 32]>,
}

/// Proof that a door vouches for a claim. Cannot be copied: one certificate each.
#[derive(Debug)]
pub struct Entitlement(EntitlementClaim);

impl Entitlement {
    /// Vouches for `claim`. Call it in one place per door, after that door's own checks.
    pub fn attest(claim: EntitlementClaim) -> Self {
        Self(claim)
    }

    /// Returns who asks.
    pub fn actor(&self) -> &Actor {
        &self.0.actor
    }

    /// Returns the profile's name.
    pub fn profile(&self) -> &str {
        &self.0.profile
    }

    pub(crate) fn claim(&self) -> &EntitlementClaim {
        &self.0
    }

    pub(crate) fn into_claim(self) -> EntitlementClaim {
        self.0
    }
}
