//! What an actor may have: made once per door, after authentication and authorisation.

use std::collections::BTreeSet;
use std::time::Duration;

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
    /// The most that the grant allows, if less than the profile's.
    pub max_lifetime: Option<Duration>,
    /// The ACME order that the certificate answers.
    pub order: Option<String>,
    /// SHA-256 of a SubjectPublicKeyInfo that must not be certified: the ACME account's own.
    pub forbidden_key: Option<[u8; 32]>,
    /// The subject, for profiles whose subject comes from the grant.
    pub subject: Option<SubjectName>,
    /// What a CI system says of its job, for profiles that certify it.
    pub claims: Vec<ClaimExtension>,
    /// The grant that allows it.
    pub grant: Option<GrantUse>,
    /// The key under which the request may be sent again.
    pub idempotency: Option<Idempotency>,
    /// What the door knew when it decided, kept with the certificate; a JSON object.
    pub provenance: Option<serde_json::Value>,
}

/// A subject as a grant gives it: for kubectl, user and groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubjectName {
    /// CN.
    pub common_name: Option<String>,
    /// O, each its own attribute.
    pub organizations: Vec<String>,
}

/// One claim of a CI system as a certificate extension, a UTF8String.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimExtension {
    /// The object identifier, one of Fulcio's: `1.3.6.1.4.1.57264.1.8` to `.24`.
    pub oid: String,
    /// The value.
    pub value: String,
}

/// One use of a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantUse {
    /// The grant's name.
    pub name: String,
    /// How often it may be used in all. Uses of a grant without a limit are not counted.
    pub limit: Option<u64>,
    /// Where it is kept.
    pub kept: GrantKept,
}

/// Where a grant is kept, and so whether it can be withdrawn while it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantKept {
    /// In the configuration: in force until the server reads another one.
    Configuration,
    /// In the store. There it must still be when the intent is recorded, with the terms that were
    /// judged: another grant may have got its name since.
    Store {
        /// The terms, as they are stored.
        terms: serde_json::Value,
    },
}

/// A request that may come again and must be answered with the same certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// Whose key it is: keys of different actors never meet.
    pub actor: String,
    /// The key.
    pub key: String,
    /// SHA-256 of what is asked: another request under the same key is a mistake.
    pub request_hash: [u8; 32],
}

/// Proof that a door vouches for a claim. Cannot be copied: one certificate each.
#[derive(Debug)]
pub struct Entitlement(EntitlementClaim);

impl EntitlementClaim {
    /// Claims these names under this profile and nothing else.
    pub fn new(
        actor: Actor,
        identifiers: BTreeSet<Identifier>,
        profile: impl Into<String>,
    ) -> Self {
        Self {
            actor,
            identifiers,
            profile: profile.into(),
            not_before: None,
            not_after: None,
            max_lifetime: None,
            order: None,
            forbidden_key: None,
            subject: None,
            claims: Vec::new(),
            grant: None,
            idempotency: None,
            provenance: None,
        }
    }
}

impl SubjectName {
    /// Returns whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.common_name.is_none() && self.organizations.is_empty()
    }
}

impl Idempotency {
    /// How long a key stays taken.
    pub const KEPT: Duration = Duration::from_secs(24 * 3_600);
}

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
