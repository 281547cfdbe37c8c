//! Grants made over the API: short-lived, by administrators only.

use std::sync::Arc;
use std::time::Duration;

use ca_issuance::LedgerError;
use ca_issuance::audit::{Event, EventKind};
use serde_json::json;

use crate::grant::{Grant, GrantSpec, KnownNames, Origin, joined};
use crate::{Access, Error, Identity, Role};

/// The furthest ahead that a grant made over the API may end.
pub const LONGEST_API_GRANT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A grant in force and how often it was used, if that is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedGrant {
    /// The grant.
    pub grant: Grant,
    /// How many of its uses are spent.
    pub used: Option<u64>,
}

impl Access {
    /// Adds a grant. It must end, within 30 days; what should last belongs into the configuration,
    /// where it is reviewed.
    pub async fn add_grant(&self, caller: &Identity, spec: GrantSpec) -> Result<Grant, Error> {
        demand_admin(caller)?;
        let grant = self.checked(&spec)?;
        if self.is_configured(&grant.name) {
            return Err(Error::Conflict(format!(
                "the configuration has a grant {:?}",
                grant.name
            )));
        }
        let event = self.event(EventKind::GrantCreated, caller, &grant);
        match self.store.add_grant(grant.clone(), event).await {
            Ok(()) => Ok(grant),
            Err(LedgerError::Conflict) => Err(Error::Conflict(format!(
                "there is a grant {:?} already",
                grant.name
            ))),
            Err(error) => Err(error.into()),
        }
    }

    /// Lists the grants in force, the configuration's first.
    pub async fn list_grants(&self, caller: &Identity) -> Result<Vec<ListedGrant>, Error> {
        match caller.role {
            Some(Role::Admin | Role::Auditor) => {}
            Some(Role::Operator) | None => return Err(not_for_you()),
        }
        let made = self.store.grants(self.corridor.clock().now()).await?;
        let uses = self.store.grant_uses().await?;
        let grants = joined(&self.rules.load().grants, made);
        let listed = grants.into_iter().map(|grant| ListedGrant {
            used: grant
                .uses
                .map(|_| uses.get(&grant.name).copied().unwrap_or(0)),
            grant: Grant::clone(&grant),
        });
        Ok(listed.collect())
    }

    /// Removes a grant that was made over the API: what it gave is refused from now on.
    pub async fn remove_grant(&self, caller: &Identity, name: &str) -> Result<(), Error> {
        demand_admin(caller)?;
        let made = self.store.grants(self.corridor.clock().now()).await?;
        let Some(grant) = made.into_iter().find(|grant| grant.name == name) else {
            return Err(if self.is_configured(name) {
                Error::Conflict(format!(
                    "grant {name:?} is in the configuration: remove it there and reload"
                ))
            } else {
                Error::NotFound
            });
        };
        let event = self.event(EventKind::GrantRemoved, caller, &grant);
        if self.store.remove_grant(name, event).await? {
            Ok(())
        } else {
            Err(Error::NotFound)
        }
    }

    /// Lists which of a configuration's grants have the name of a grant in force that was made over
    /// the API.
    pub async fn names_taken_over_the_api(
        &self,
        configured: &[Arc<Grant>],
    ) -> Result<Vec<String>, Error> {
        let made = self.store.grants(self.corridor.clock().now()).await?;
        let names = configured.iter().map(|grant| &grant.name);
        let taken = names.filter(|name| made.iter().any(|grant| grant.name == **name));
        Ok(taken.cloned().collect())
    }

    fn checked(&self, spec: &GrantSpec) -> Result<Grant, Error> {
        let rules = self.rules.load();
        let providers = rules.providers.iter().map(|it| it.settings().name.clone());
        let known = KnownNames {
            profiles: rules.profiles.clone(),
            providers: providers.collect(),
        };
        let now = self.corridor.clock().now();
        let (grant, mut faults) = match spec.check(Origin::Api, &known) {
            Ok(grant) => (Some(grant), Vec::new()),
            Err(faults) => (None, faults),
        };
        let end = grant.as_ref().and_then(|grant| grant.expires_at);
        if spec.expires.is_none() {
            faults.push("expires must be set".to_owned());
        } else if end.is_some_and(|end| end <= now || end > now.plus(LONGEST_API_GRANT)) {
            faults.push("expires must lie ahead, and at most 30 days".to_owned());
        }
        match grant {
            Some(grant) if faults.is_empty() => Ok(grant),
            Some(_) | None => Err(Error::Malformed(faults.join("; "))),
        }
    }

    fn is_configured(&self, name: &str) -> bool {
        self.rules.load().grants.iter().any(|it| it.name == name)
    }

    fn event(&self, kind: EventKind, caller: &Identity, grant: &Grant) -> Event {
        Event {
            at: self.corridor.clock().now(),
            kind,
            actor: caller.actor(),
            subject: grant.name.clone(),
            details: json!({ "grant": GrantSpec::from(grant) }),
        }
    }
}

fn demand_admin(caller: &Identity) -> Result<(), Error> {
    match caller.role {
        Some(Role::Admin) => Ok(()),
        Some(Role::Operator | Role::Auditor) | None => Err(not_for_you()),
    }
}

fn not_for_you() -> Error {
    Error::Forbidden("grants are for administrators".to_owned())
}

#[cfg(test)]
mod tests;
