//! What grants give an account that acts for somebody.
//!
//! The account shows that it was bound with a key that somebody got for it; the grants of that
//! somebody, as they are at each request, say which names need no proof.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use ca_identity::Principal;
use ca_identity::grant::{Grant, GrantRequest, Granted, Refusal, Verdict};
use ca_identity::standing::Standing;
use ca_pki::{Identifier, Validity};
use serde_json::{Value, json};

use crate::account::Account;
use crate::acme::Acme;
use crate::{Error, Problem, ProblemKind};

/// For whom an account acts now.
pub(crate) enum ActsFor<'a> {
    /// Nobody but itself: it was bound with no key, or with one that is nobody's.
    Itself,
    /// A principal who stands.
    Principal(&'a Principal),
    /// Nobody any more; why.
    NobodyNow(&'static str),
}

/// What one grant gives of an order; for most accounts nothing.
#[derive(Debug, Default)]
pub(crate) struct Given {
    /// The grant.
    pub(crate) grant: Option<Arc<Grant>>,
    /// What it gives.
    pub(crate) names: BTreeSet<Identifier>,
}

/// Why granted names are granted no longer.
#[derive(Debug)]
pub(crate) enum Withdrawn {
    /// The account lost the power to act for anybody.
    Power(&'static str),
    /// No grant gives them.
    Grant(Refusal),
}

/// What is asked of an account's grants.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// Under which profile.
    pub(crate) profile: &'a str,
    /// For what.
    pub(crate) identifiers: &'a BTreeSet<Identifier>,
    /// Where from.
    pub(crate) address: IpAddr,
}

impl Acme {
    /// Finds what the one grant gives that gives the account's principal the most of these names.
    pub(crate) async fn given(&self, account: &Account, asked: Asked<'_>) -> Result<Given, Error> {
        let principal = match self.acts_for(account).await? {
            ActsFor::Principal(principal) => principal,
            ActsFor::Itself | ActsFor::NobodyNow(_) => return Ok(Given::default()),
        };
        let request = self.grant_request(principal, asked);
        let cover = self.access.best_cover(request).await?;
        Ok(cover.map_or_else(Given::default, |cover| Given {
            grant: Some(cover.grant),
            names: cover.covered,
        }))
    }

    /// Judges names that were granted when their order was placed.
    pub(crate) async fn judge_granted(
        &self,
        account: &Account,
        asked: Asked<'_>,
    ) -> Result<Result<Granted, Withdrawn>, Error> {
        let principal = match self.acts_for(account).await? {
            ActsFor::Principal(principal) => principal,
            ActsFor::Itself => return Ok(Err(Withdrawn::Power(NEVER_BOUND))),
            ActsFor::NobodyNow(why) => return Ok(Err(Withdrawn::Power(why))),
        };
        let request = self.grant_request(principal, asked);
        Ok(match self.access.judge(request).await? {
            Verdict::Granted(granted) => Ok(granted),
            Verdict::Refused(refusal) => Err(Withdrawn::Grant(refusal)),
        })
    }

    fn grant_request<'a>(&self, principal: &'a Principal, asked: Asked<'a>) -> GrantRequest<'a> {
        GrantRequest {
            principal,
            role: self.access.role_of(principal),
            profile: asked.profile,
            identifiers: asked.identifiers,
            address: Some(asked.address),
            at: self.now(),
        }
    }

    /// The key is read anew each time: revoking it ends what accounts got by it.
    async fn acts_for<'a>(&self, account: &'a Account) -> Result<ActsFor<'a>, Error> {
        let Some(principal) = account.principal.as_deref() else {
            return Ok(ActsFor::Itself);
        };
        let key = match &account.external_account {
            Some(kid) => self.store.external_account_key(kid).await?,
            None => None,
        };
        if key.is_none_or(|key| key.revoked_at.is_some()) {
            return Ok(ActsFor::NobodyNow(KEY_REVOKED));
        }
        match self.access.standing(principal, account.created_at).await? {
            Standing::Good => Ok(ActsFor::Principal(principal)),
            Standing::Ended => Ok(ActsFor::NobodyNow(PRINCIPAL_ENDED)),
        }
    }
}

impl Given {
    /// Names the grant that gives an identifier, if it does.
    pub(crate) fn grant_of(&self, identifier: &Identifier) -> Option<&str> {
        let grant = self.grant.as_ref()?;
        self.names
            .contains(identifier)
            .then_some(grant.name.as_str())
    }

    /// Cuts a span to what the grant allows.
    pub(crate) fn cut(&self, validity: Validity) -> Validity {
        match &self.grant {
            Some(grant) => cut(grant, validity),
            None => validity,
        }
    }
}

/// Cuts a span to what a grant allows.
pub(crate) fn cut(grant: &Grant, validity: Validity) -> Validity {
    let lifetime = grant.bound(validity.lifetime());
    Validity {
        not_after: validity.not_after.min(validity.not_before.plus(lifetime)),
        ..validity
    }
}

impl Withdrawn {
    /// Returns what the client is told: of grants, only those that are for its principal.
    pub(crate) fn problem(&self) -> Problem {
        let detail = match self {
            Self::Power(why) => (*why).to_owned(),
            Self::Grant(refusal) => {
                let for_caller = refusal.for_caller();
                let failures = for_caller.failures.iter().flat_map(|failure| {
                    let name = &failure.grant;
                    let rules = failure.rules.iter();
                    rules.map(move |rule| format!("{name}: {}", rule.detail))
                });
                let failures: Vec<String> = failures.collect();
                if failures.is_empty() {
                    "no grant is for this account's principal any more".to_owned()
                } else {
                    format!("no grant allows this any more: {}", failures.join("; "))
                }
            }
        };
        Problem::new(ProblemKind::Unauthorized, detail)
    }

    /// Returns what the audit log keeps: everything.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Power(why) => json!(why),
            Self::Grant(refusal) => refusal.to_json(),
        }
    }
}

const NEVER_BOUND: &str = "the account acts for nobody";
const KEY_REVOKED: &str =
    "the external account key that this account was bound with is revoked: its grants are gone";
const PRINCIPAL_ENDED: &str =
    "the client, token or certificate that this account acts for has ended: its grants are gone";
