//! Whether CAA still permits issuance when an order is finalized (RFC 8659 §4.2).

use std::sync::Arc;
use std::time::Duration;

use ca_pki::Timestamp;
use tokio::task::JoinSet;

use crate::acme::Acme;
use crate::authorization::{Authorization, ChallengeStatus};
use crate::identifier;
use crate::order::Order;
use crate::request::AccountRequest;
use crate::{Error, Problem, ProblemKind};

impl Acme {
    /// Checks CAA where the last check is old. A record that forbids fails the order; a lookup
    /// that fails does not. Of granted names nobody asks: their grant stands for the permission,
    /// and the names of pipelines need not be in any DNS that this server sees.
    pub(super) async fn check_caa(
        &self,
        request: &AccountRequest,
        order: &Order,
        authorizations: Vec<Authorization>,
    ) -> Result<(), Error> {
        let now = self.now();
        let old: Vec<Authorization> = authorizations
            .into_iter()
            .filter(|one| needs_check(one, now))
            .collect();
        if old.is_empty() {
            return Ok(());
        }

        let ids: Vec<String> = old.iter().map(|one| one.id.clone()).collect();
        match identifier::refusal(self.ask_caa(old).await) {
            None => Ok(self.store.note_caa_check(&ids, now).await?),
            Some(problem) if problem.kind == ProblemKind::Caa => {
                Err(self.fail(request, order, problem).await?)
            }
            Some(problem) => Err(problem.into()),
        }
    }

    /// Asks for all at once: each lookup has its own deadline, and a hundred in a row would not
    /// end within anybody's.
    async fn ask_caa(&self, authorizations: Vec<Authorization>) -> Vec<Problem> {
        let mut checks = JoinSet::new();
        for authorization in authorizations {
            let validator = Arc::clone(&self.validator);
            let account_url = self
                .urls
                .account(&authorization.directory, &authorization.account);
            checks.spawn(async move {
                let proven_by = authorization
                    .challenges
                    .iter()
                    .find(|challenge| challenge.status == ChallengeStatus::Valid)
                    .map(|challenge| challenge.kind);
                validator
                    .check_caa(
                        &authorization.identifier,
                        authorization.wildcard,
                        proven_by,
                        &account_url,
                    )
                    .await
                    .map_err(|problem| problem.about(authorization.identifier))
            });
        }
        let mut refused = Vec::new();
        while let Some(checked) = checks.join_next().await {
            match checked {
                Ok(Ok(())) => {}
                Ok(Err(problem)) => refused.push(problem),
                Err(_panicked) => refused.push(Problem::new(
                    ProblemKind::ServerInternal,
                    "a CAA check came to no result",
                )),
            }
        }
        refused
    }
}

fn needs_check(authorization: &Authorization, now: Timestamp) -> bool {
    let old = authorization
        .caa_checked_at
        // A check that lies ahead was made while the clock was: nobody knows how old it is.
        .is_none_or(|checked_at| checked_at > now || now.since(checked_at) >= CAA_LIFETIME);
    old && authorization.granted_by.is_none()
}

/// What the CA/Browser Forum's Baseline Requirements (§4.2.2.1) allow at most.
const CAA_LIFETIME: Duration = Duration::from_secs(8 * 60 * 60);
