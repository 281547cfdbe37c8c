//! Judging with what is in force: the configuration's grants and those made over the API.

use std::collections::BTreeSet;
use std::sync::Arc;

use ca_pki::Timestamp;

use crate::grant::{self, Cover, Examined, Grant, GrantRequest, Uses, Verdict};
use crate::{Access, Error};

impl Access {
    /// Judges a request by every grant in force. A refusal is a verdict, not an error: the door
    /// writes its event and passes on what the caller may learn of it.
    pub async fn judge(&self, request: GrantRequest<'_>) -> Result<Verdict, Error> {
        let (grants, uses) = self.in_force(request.at).await?;
        Ok(grant::judge(&grants, &uses, &request))
    }

    /// Finds the one grant that holds in all but the identifiers and covers the most of them.
    pub async fn best_cover(&self, request: GrantRequest<'_>) -> Result<Option<Cover>, Error> {
        let (grants, uses) = self.in_force(request.at).await?;
        Ok(grant::best_cover(&grants, &uses, &request))
    }

    /// Holds every grant in force against a request, for those who explain a decision.
    pub async fn examine(&self, request: GrantRequest<'_>) -> Result<Vec<Examined>, Error> {
        let (grants, uses) = self.in_force(request.at).await?;
        Ok(grant::examine(&grants, &uses, &request))
    }

    /// Returns the grants in the order in which they are looked at, and how often they were used.
    async fn in_force(&self, moment: Timestamp) -> Result<(Vec<Arc<Grant>>, Uses), Error> {
        let rules = self.rules.load_full();
        let made = self.store.grants(moment).await?;
        let grants = joined(&rules.grants, made);
        let uses = if grants.iter().any(|grant| grant.uses.is_some()) {
            self.store.grant_uses().await?
        } else {
            Uses::new()
        };
        Ok((grants, uses))
    }
}

/// Puts the API's grants behind the configuration's, by name. A name stands for one grant: where
/// both have it (another server's configuration may be newer), the configuration's is meant.
pub fn joined(configured: &[Arc<Grant>], made: Vec<Arc<Grant>>) -> Vec<Arc<Grant>> {
    if made.is_empty() {
        return configured.to_vec();
    }
    let taken: BTreeSet<&str> = configured.iter().map(|it| it.name.as_str()).collect();
    let mut made: Vec<Arc<Grant>> = made
        .into_iter()
        .filter(|grant| !taken.contains(grant.name.as_str()))
        .collect();
    made.sort_by(|one, other| one.name.cmp(&other.name));
    configured.iter().cloned().chain(made).collect()
}
