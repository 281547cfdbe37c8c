//! What this door vouches for: what the order's authorizations have proven or were granted.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ca_identity::Principal;
use ca_identity::grant::Granted;
use ca_issuance::EntitlementClaim;
use ca_pki::{Identifier, Timestamp};
use serde::Serialize;
use serde_json::json;

use crate::acme::Acme;
use crate::identifier::texts;
use crate::order::Order;
use crate::request::AccountRequest;
use crate::{Error, Problem, grant};

/// What a grant gives of an order, judged at finalize.
#[derive(Debug)]
pub(super) struct GrantedNames {
    /// The grant.
    pub(super) granted: Granted,
    /// What it gives, perhaps not all of the order.
    pub(super) names: BTreeSet<Identifier>,
}

impl Acme {
    /// Gathers the claim; a grant adds what it gives besides names, and its bounds.
    pub(super) fn claim(
        &self,
        request: &AccountRequest,
        order: &Order,
        given: Option<GrantedNames>,
    ) -> Result<EntitlementClaim, Error> {
        let claim = EntitlementClaim {
            not_before: order.not_before,
            not_after: order.not_after,
            order: Some(order.id.clone()),
            forbidden_key: Some(request.jwk.key().fingerprint_sha256()),
            provenance: Some(json!(self.provenance(request, order, given.as_ref()))),
            ..EntitlementClaim::new(
                request.account.actor(),
                order.identifiers.iter().cloned().collect(),
                order.profile.clone(),
            )
        };
        let (Some(given), Some(principal)) = (given, &request.account.principal) else {
            return Ok(claim);
        };
        let granted = given.granted;
        Ok(EntitlementClaim {
            not_after: self.cut_not_after(order, &granted)?,
            claims: self.access.ci_claims(principal),
            subject: granted.subject,
            grant: Some(granted.grant_use),
            ..claim
        })
    }

    /// Cuts what the order or its profile gives to what the grant allows.
    fn cut_not_after(&self, order: &Order, granted: &Granted) -> Result<Option<Timestamp>, Error> {
        let window = self
            .corridor
            .granted_window(&order.profile, order.not_before, order.not_after)
            .map_err(|violation| Problem::malformed(violation.detail))?;
        let cut = grant::cut(&granted.grant, window.validity);
        if cut == window.validity {
            return Ok(order.not_after);
        }
        Ok(Some(cut.not_after))
    }

    fn provenance<'a>(
        &self,
        request: &'a AccountRequest,
        order: &Order,
        given: Option<&'a GrantedNames>,
    ) -> Provenance<'a> {
        let account = &request.account;
        Provenance {
            door: "acme",
            directory: &account.directory,
            account: &account.id,
            address: request.address,
            principal: account.principal.as_deref(),
            lifetime_secs: order.not_after.map(|not_after| {
                let not_before = order.not_before.unwrap_or(order.created_at);
                not_after.since(not_before).as_secs()
            }),
            grant: given.map(|given| given.granted.grant.name.as_str()),
            granted: given.map_or_else(Vec::new, |given| texts(&given.names)),
        }
    }
}

/// What is kept with the certificate: who asked, from where, and what a grant gave of it.
#[derive(Serialize)]
struct Provenance<'a> {
    door: &'static str,
    directory: &'a str,
    account: &'a str,
    address: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<&'a Principal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifetime_secs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    granted: Vec<String>,
}
