//! What the audit log tells of a request that came to nothing.

use ca_pki::{Identifier, Timestamp};
use serde_json::json;

use crate::Actor;
use crate::audit::{Event, EventKind};
use crate::entitlement::Entitlement;
use crate::error::Violation;

/// A request that may yet be refused.
pub(super) struct RefusedRequest {
    actor: Actor,
    order: Option<String>,
    profile: String,
    identifiers: Vec<String>,
    grant: Option<String>,
}

impl RefusedRequest {
    /// Keeps what an event would tell.
    pub(super) fn of(entitlement: &Entitlement) -> Self {
        let claim = entitlement.claim();
        Self {
            actor: claim.actor.clone(),
            order: claim.order.clone(),
            profile: claim.profile.clone(),
            identifiers: claim
                .identifiers
                .iter()
                .map(Identifier::to_string)
                .collect(),
            grant: claim.grant.as_ref().map(|grant| grant.name.clone()),
        }
    }

    /// Tells of the refusal and every broken rule.
    pub(super) fn event(self, at: Timestamp, violations: &[Violation]) -> Event {
        let rules: Vec<&str> = violations
            .iter()
            .map(|broken| broken.detail.as_str())
            .collect();
        Event {
            at,
            kind: EventKind::CertificateRefused,
            actor: self.actor,
            subject: self.order.unwrap_or_default(),
            details: json!({
                "violations": rules,
                "profile": self.profile,
                "identifiers": self.identifiers,
                "grant": self.grant,
            }),
        }
    }
}
